"""Put the checks and measurements of all exported forms of a detector side by side, and hold them to their gates."""

from pathlib import Path

from boxwright.catalog import forms
from boxwright.console import progress
from boxwright.console.job import job
from boxwright.core import files
from boxwright.core.errors import UserError
from boxwright.core.wording import plural
from boxwright.export import summary

with job(snakemake):
    given, exported = snakemake.input, f"{snakemake.wildcards.model}{snakemake.wildcards.further}"
    checks = {Path(path).stem: files.read_json(path) for path in given.checks}
    measured = {Path(path).parent.name: files.read_json(path) for path in given.measured}
    tests = {Path(path).parent.name: files.read_json(path) for path in given.tests}
    if complaints := summary.complaints(checks, measured):
        if snakemake.params.gate == "fail":
            raise UserError("\n".join([f"What is exported of {exported} loses too much.", *complaints, summary.ADVICE]))
        for complaint in complaints:
            progress.warn(complaint)
    files.write_json(snakemake.output.summary, summary.summary(checks))
    (metrics,) = given.metrics if isinstance(given.metrics, list) else [given.metrics]
    files.write_json(snakemake.output.measured, summary.measured(measured, checks, files.read_json(metrics), tests))
    least = min(one["same_detections"]["share"] for one in checks.values())
    others = plural(len(checks.keys() - {forms.CHECKPOINT.name}), "form")
    progress.conclude(f"{others} and the checkpoint, {least:.1%} of the detections the same")
