"""All figures and tables of one evaluation: what the detector gets right and wrong, and what its scores mean."""

from collections.abc import Mapping, Sequence
from typing import Any

from boxwright.records.example import Record
from boxwright.report import confusion, errors, pictures, precision_recall, scores, tables


def of_evaluation(
    analysis: Mapping[str, Any],
    records: Sequence[Record],
    detections: Sequence[Mapping[str, Any]],
    names: Mapping[int, str],
    subject: str,
) -> dict[str, bytes]:
    """The content of each figure by its file name.

    analysis: the content of analysis.json; records: the measured ones, in their order; detections: rows of COCO's
    results; names: classes by id; subject: what was measured, as in "Classes of <subject>".
    """
    return {
        "precision_recall.svg": precision_recall.curves(analysis),
        "confusion.svg": confusion.matrix(analysis),
        "errors.svg": errors.costs(analysis),
        "classes.html": tables.classes(analysis, subject),
        "scores.html": scores.table(analysis, subject),
        "reliability.svg": scores.reliability(analysis),
        "strip.jpg": pictures.strip(analysis, records, detections, names),
        "images.html": pictures.judged_page(analysis, records, detections, names, f"Images of {subject}"),
    }
