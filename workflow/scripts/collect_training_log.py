"""Join the log parts of all segments, and list the checkpoints for programs that ask for the latest."""

from pathlib import Path

from boxwright import files
from boxwright.job import job

with job(snakemake):
    parts = [Path(path) for path in snakemake.input]
    with files.writing(snakemake.output.log) as file:
        for part in parts:
            file.write(part.read_bytes())
    newest = [f"model.ckpt-{part.stem}" for part in parts]
    with files.writing(snakemake.output.state, "w") as file:
        file.write(f'model_checkpoint_path: "{newest[-1]}"\n')
        file.writelines(f'all_model_checkpoint_paths: "{name}"\n' for name in newest)
