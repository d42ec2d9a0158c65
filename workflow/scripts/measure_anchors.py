"""Find the boxes that no anchor of a model matches, on a sample if the data set is large."""

import json

from boxwright.console import progress
from boxwright.console.job import job
from boxwright.core import files
from boxwright.dataset import manifest, statistics
from boxwright.pipeline import text
from boxwright.report import anchors

# Images whose boxes are matched. A sample of this size gives the share of matched boxes within about two percent.
SAMPLE = 2000

with job(snakemake):
    model, output = snakemake.wildcards.model, snakemake.output
    manifests = [path for side in ("train", "eval") for path in manifest.of_side(snakemake.params.plan, side)]
    samples = statistics.sample(manifests, SAMPLE, boxed=True)
    found, missed = anchors.measure(text.read(snakemake.input.config), samples)
    files.write_all(
        {
            output.fit: json.dumps(found).encode(),
            output.missed: missed.encode("utf-8", "surrogateescape"),
            output.figure: anchors.fit(found, model),
        }
    )
    progress.conclude(f"{found['covered']} of {found['boxes']} boxes match an anchor at IoU {anchors.THRESHOLD}")
