"""Join the log parts of all segments, and list the checkpoints for programs that ask for the latest."""

from pathlib import Path

from boxwright.checkpoints.checkpoint_state import write_state
from boxwright.console.job import job
from boxwright.core import files

with job(snakemake):
    parts = [Path(path) for path in snakemake.input.logs]
    with files.writing(snakemake.output.log) as file:
        for part in parts:
            file.write(part.read_bytes())
    folder = Path(snakemake.output.state).parent
    prefixes = [f"model.ckpt-{part.stem}" for part in parts]
    there = [prefix for prefix in prefixes if (folder / f"{prefix}.index").is_file()]
    write_state(folder, there or prefixes)  # none is there where the files lie in an object store
