"""Write one shard of TFRecords from its part of the plan."""

from pathlib import Path

from boxwright.console import progress
from boxwright.console.job import job
from boxwright.core.wording import plural
from boxwright.dataset import label_map
from boxwright.records.shards import copy_given, write_shard

with job(snakemake):
    shard = Path(snakemake.output[0])
    manifest = Path(snakemake.params.plan) / f"{shard.stem}.jsonl"
    given = manifest.with_suffix(".given")
    if given.is_file():
        progress.conclude(f"{plural(copy_given(given, shard), 'image')}, as they are")
    else:
        counts = write_shard(manifest, label_map.read(snakemake.input.label_map), shard)
        progress.conclude(f"{plural(counts.images, 'image')}, {plural(counts.boxes, 'box', 'boxes')}")
