"""Join the log parts of all segments, and list the checkpoints for programs that ask for the latest."""

from pathlib import Path

from boxwright.checkpoints.checkpoint_state import write_state
from boxwright.console.job import job
from boxwright.core import files

with job(snakemake):
    parts = [Path(path) for path in snakemake.input]
    with files.writing(snakemake.output.log) as file:
        for part in parts:
            file.write(part.read_bytes())
    write_state(Path(snakemake.output.state).parent, [f"model.ckpt-{part.stem}" for part in parts])
