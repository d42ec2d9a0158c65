"""Measure an exported detector with its own runtime, as its users will run it: no engine, no training checkpoint."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from boxwright.console import progress
from boxwright.core.files import write_json
from boxwright.evaluation import analysis, coco, leakage
from boxwright.evaluation.agreement import found_again
from boxwright.evaluation.data import Answer, Dataset, Detections, dataset_of, detections_of
from boxwright.evaluation.measure import Measured, measure
from boxwright.evaluation.table import figure, table
from boxwright.images import loader
from boxwright.records.example import Record
from boxwright.runtimes import Detect


class Files(NamedTuple):
    """The files to write: metrics.json, analysis.json and the detections in COCO's results format."""

    metrics: Path
    analysis: Path
    detections: Path


class Evaluation(NamedTuple):
    """What was measured: the annotated images, the detections on them, and everything computed from the two."""

    dataset: Dataset
    detections: Detections
    measured: Measured


def evaluate(
    detect: Detect,
    records: Sequence[Record],
    label_map: Mapping[str, int],
    *,
    score_threshold: float = 0.5,
    side: str = "evaluation",
) -> Evaluation:
    """Run an exported detector once on every record and measure its detections.

    detect: the loaded detector (`runtimes`); label_map: class name -> id, as the detector numbers its classes.
    score_threshold: the lowest score of a shown detection, for the numbers that depend on it. side: the name of the
    records in messages.

    Raises UserError for records without images or boxes, classes that the label map lacks, and detections that are not
    finite.
    """
    dataset = dataset_of(records, label_map, side)
    answers = progress.track(_answers(detect, records), total=len(records), label=side, unit="images")
    found = detections_of(answers, dataset.images)
    return Evaluation(dataset, found, measure(dataset, found, score_threshold))


def content(evaluation: Evaluation, about: Mapping[str, Any]) -> dict[str, Any]:
    """The content of metrics.json: {images, boxes, metrics, undefined} as for a training checkpoint, after `about`.

    `about` says what was measured.
    """
    dataset, _, measured = evaluation
    return {
        **about,
        "images": len(dataset.images),
        "boxes": dataset.objects,
        "metrics": measured.metrics,
        "undefined": measured.undefined,
    }


def write(evaluation: Evaluation, out: Files, about: Mapping[str, Any], title: str) -> dict[str, Any]:
    """Write the files of an evaluation, print its table under `title`, and return the content of metrics.json."""
    result = content(evaluation, about)
    save(evaluation, out, result)
    progress.say(table(result, evaluation.measured.analysis, title))
    progress.conclude(figure(result, evaluation.measured.analysis))
    return result


def save(evaluation: Evaluation, out: Files, result: Mapping[str, Any]) -> None:
    """Write the files of an evaluation; `result` is its `content`."""
    _, found, measured = evaluation
    coco.write_results(out.detections, found)
    analysis.write(out.analysis, measured.analysis)
    write_json(out.metrics, result)


def agreement(evaluation: Evaluation, detections: str | Path, tolerance: float) -> Mapping[str, float | int]:
    """How much of the detections in a file of the same images is found again (`agreement.found_again`), and the
    tolerance.
    """
    wanted = leakage.read_results(detections)
    again = found_again(wanted, evaluation.detections, evaluation.dataset.images, tolerance)
    return {**again, "tolerance": tolerance}


def _answers(detect: Detect, records: Sequence[Record]) -> Iterator[Answer]:
    """The detector's answer for every record, in order, one image at a time."""
    for record in records:
        found = detect(loader.load_rgb(record.encoded)[np.newaxis])
        # A form without this output gives only detections.
        count = int(found["num_detections"][0]) if "num_detections" in found else None
        yield Answer(
            found["detection_boxes"][0, :count],
            found["detection_scores"][0, :count],
            found["detection_classes"][0, :count].astype(np.int64),
            all(np.isfinite(values).all() for values in found.values()),
        )
