"""Write a preview for TensorBoard of the images and boxes that a training gets."""

from pathlib import Path

from boxwright.console.job import job

with job(snakemake, tensorflow=True):
    from boxwright.dataset import label_map
    from boxwright.pipeline import text
    from boxwright.training import preview

    document = text.read_document(snakemake.input.config)
    with text.located(document):
        preview.write(
            snakemake.output[0],
            document.config,
            [Path(path) for path in snakemake.input.records],
            label_map.read(snakemake.input.label_map),
            seed=snakemake.params.seed,
            checkpoints=snakemake.params.checkpoints,
        )
