"""Choose the checkpoint that becomes the detector, and print why."""

from boxwright.console import progress
from boxwright.console.job import job
from boxwright.evaluation import choose

with job(snakemake):
    wanted = snakemake.params.wanted
    choice = choose.run(
        snakemake.input.metrics,
        wanted["checkpoint"],
        wanted["metric"],
        snakemake.output[0],
        snakemake.input.get("decisions", []),
    )
    figure = f"step {choice['step']}, {choice['reason']}"
    if stopped := choice["stopped"]:
        figure += f"; training stopped early after step {stopped['step']}, {stopped['reason']}"
    progress.conclude(figure)
