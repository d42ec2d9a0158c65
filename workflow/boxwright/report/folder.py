"""Everything about one evaluation in one folder, as a run has it in several: numbers, detections, pictures, figures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from boxwright.core import files
from boxwright.dataset import defects
from boxwright.evaluation import coco, exported, summaries
from boxwright.evaluation.any_images import Prepared
from boxwright.records import events
from boxwright.report import figures


def write(
    out: str | Path, prepared: Prepared, evaluation: exported.Evaluation, result: Mapping[str, Any], subject: str
) -> None:
    """Write the new folder `out`.

    result: `exported.content` of the evaluation; subject: what was measured, for titles. The files are metrics.json,
    analysis.json, detections.json, the ground truth eval.coco.json, checks.tsv, TensorBoard events with pictures, and
    the figures.
    """
    out = Path(out)
    (out / "figures").mkdir(parents=True, exist_ok=True)
    dataset, found, measured = evaluation
    names = dataset.class_names()
    drawn = figures.of_evaluation(measured.analysis, prepared.records, coco.results(found), names, subject)
    written = exported.Files(*(out / f"{name}.json" for name in ("metrics", "analysis", "detections")))
    exported.save(evaluation, written, result)
    coco.write_ground_truth(out / "eval.coco.json", dataset)
    seen = (prepared.shown, prepared.records, dataset, found)
    summaries.write(out / events.file_name(0), 0, measured.metrics, measured.curves, *seen)
    files.write_all({out / "checks.tsv": defects.to_tsv(prepared.passed.cases)})
    files.write_all({out / "figures" / name: content for name, content in drawn.items()})
