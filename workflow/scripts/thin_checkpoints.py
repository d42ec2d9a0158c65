"""Remove the measured checkpoints that `keep` does not name."""

from pathlib import Path

from boxwright.console import progress
from boxwright.console.job import job
from boxwright.core.wording import plural
from boxwright.evaluation import thin

with job(snakemake):
    wanted, metrics = snakemake.params.wanted, [Path(path) for path in snakemake.input.metrics]
    decided = thin.run(
        metrics,
        metrics[0].parents[2] / "train",
        snakemake.params.keep,
        wanted["checkpoint"],
        wanted["metric"],
        snakemake.output[0],
        wanted.get("also", ()),
    )
    freed = decided["freed"] / 1e6
    progress.conclude(
        f"{plural(len(decided['kept']), 'checkpoint')} of {len(metrics)} kept: step "
        f"{', '.join(map(str, decided['kept']))}; {freed:,.0f} MB freed"
    )
