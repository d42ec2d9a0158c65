"""Count and draw the content of the data set, show a sample of it, list the findings and what became of each object."""

import json
from pathlib import Path

from boxwright.console.job import job
from boxwright.core import files
from boxwright.dataset import label_map, manifest, statistics
from boxwright.dataset.split import SIDES
from boxwright.report import dataset, pictures, tables

with job(snakemake):
    folder, output = Path(snakemake.params.plan), snakemake.output
    classes = label_map.read(snakemake.input.label_map)
    manifests = {side: found for side in SIDES if (found := manifest.of_side(folder, side))}
    found = statistics.of(manifests, classes)
    found["found"] = snakemake.params.found
    imported = (folder / "import.tsv").read_bytes()
    with Path(snakemake.input.checks).open(encoding="utf-8", errors="replace", newline="\n") as lines:
        files.write_all(
            {
                output.imported: imported,
                output.audit: tables.imported(imported.decode("utf-8", "replace").splitlines(keepends=True)),
                output.statistics: json.dumps(found, indent=1, ensure_ascii=False).encode(),
                output.overview: tables.dataset(found),
                output.classes: dataset.class_counts(found),
                output.shapes: dataset.box_shapes(found),
                output.checks: tables.checks(lines),
            }
            | {output.get(side): pictures.contact_sheet(manifests[side], classes) for side in manifests}
        )
