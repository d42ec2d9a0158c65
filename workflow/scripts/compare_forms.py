"""Put the checks of all exported forms of a detector into one file."""

from pathlib import Path

from boxwright.console import progress
from boxwright.console.job import job
from boxwright.core import files
from boxwright.core.errors import UserError
from boxwright.export import summary

with job(snakemake):
    checks = {Path(path).stem: files.read_json(path) for path in snakemake.input}
    complaints = summary.complaints(checks)
    if complaints and snakemake.params.gate == "fail":
        raise UserError(
            "\n".join([f"The exported {snakemake.wildcards.model} loses too much.", *complaints, summary.ADVICE])
        )
    for complaint in complaints:
        progress.warn(complaint)
    files.write_json(snakemake.output[0], summary.summary(checks))
    least = min(one["same_detections"]["share"] for one in checks.values())
    progress.conclude(f"{len(checks)} forms, {least:.1%} of the detections the same")
