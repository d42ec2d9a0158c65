"""Fit the model's pipeline.config to the data and to the run, and print what was changed and why."""

from pathlib import Path

from boxwright.console import progress
from boxwright.console.job import job
from boxwright.core import files
from boxwright.core.wording import plural
from boxwright.pipeline import changes, text
from boxwright.pipeline.patch import patch

with job(snakemake, tensorflow=snakemake.params.patch["checkpoint"] is not None):
    original = Path(snakemake.input.pipeline)
    arguments = dict(snakemake.params.patch)
    if arguments["checkpoint"] is not None:
        from boxwright.checkpoints import checkpoint_files

        arguments["checkpoint_type"] = checkpoint_files.inspect_type(arguments["checkpoint"])
    document = text.read_document(original)
    for note in document.notes:
        progress.say(f"{original}:{note.line}: {note.field}: {note.text}")
    config, made = patch(document.config, **arguments)
    progress.say(f"{original}, as {snakemake.output.config} has it:\n{changes.render(made)}")
    progress.conclude(f"{plural(len(made), 'field')} set")
    with files.writing(snakemake.output.original) as file:
        file.write(original.read_bytes())
    with files.writing(snakemake.output.config, "w") as file:
        file.write(text.to_text(config))
