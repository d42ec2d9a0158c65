"""Write one shard of TFRecords from its part of the plan."""

from pathlib import Path

from boxwright.console import progress
from boxwright.console.job import job
from boxwright.dataset import label_map
from boxwright.records.shards import write_shard

with job(snakemake):
    shard = Path(snakemake.output[0])
    manifest = Path(snakemake.params.plan) / f"{shard.stem}.jsonl"
    counts = write_shard(manifest, label_map.read(snakemake.input.label_map), shard)
    progress.conclude(f"{counts.images} images, {counts.boxes} boxes")
