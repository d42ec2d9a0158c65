"""What to do next: the kind of error that costs most, where it occurs, and what usually helps against it."""

from collections.abc import Mapping
from typing import Any

from boxwright.evaluation.kinds_in_words import WORDS

# Below this cost nothing is worth doing.
_LEAST = 0.005
# Below this F1 score, what the errors cost is chance.
_LEARNED = 0.1
# What helps against a kind of error.
_HELPS = {
    "classification": (
        "Look at the confusion matrix: add images of the confused classes, or merge classes that cannot be told apart."
    ),
    "localisation": "Annotate more tightly, or enlarge the input.",
    "both": "Look at the worst images: often two objects overlap, and more images of such scenes help.",
    "duplicate": (
        "Lower the IoU threshold of the suppression, in `overrides`: "
        "`model.ssd.post_processing.batch_non_max_suppression.iou_threshold`, or of a Faster R-CNN "
        "`model.faster_rcnn.second_stage_post_processing.batch_non_max_suppression.iou_threshold`. "
        "CenterNet has none: add images of such objects."
    ),
    "background": (
        "First look at the worst images: if these objects are there and were not annotated, annotate them; if not, add "
        "images like these."
    ),
    "missed": (
        "Annotate more images with them. If they are small, enlarge the input, and check whether anchors match them."
    ),
}


def text(analysis: Mapping[str, Any], costs_told: bool = False, lacking: str = "") -> str:
    """The advice from the content of the evaluation images' analysis.json, a paragraph without markup.

    costs_told: whether the reader has just been told the `costs`, which are then not repeated. lacking: what the
    training lacked, which goes first; without it the kinds of errors tell nothing.
    """
    if lacking:
        return lacking
    if not _has_learned(analysis):
        return "The detector has not learned enough yet. Train it longer (`num_steps`), and see whether the loss falls."
    if not (ranked := _ranked(analysis)):
        if all(one["cost"] is None for one in analysis["errors"]):
            return "Which errors cost most is unknown, because there is no box to find."
        return (
            f"No kind of error costs more than {_LEAST:g} of mAP@.50IOU on the evaluation images. What is left to gain "
            "is in tighter boxes and in harder images."
        )
    kind, cost = ranked[0]
    what, helps = WORDS[kind], _HELPS[kind]
    about = f"What costs most are {what}: without them mAP@.50IOU would be {cost:.3f} higher."
    return f"{f'Work on {what}.' if costs_told else about}{_where(analysis, kind)} {helps}"


def costs(analysis: Mapping[str, Any]) -> list[tuple[str, float]]:
    """What each kind of error costs in mAP@.50IOU, in words, the most costly first; without those of no weight.

    Nothing for a detector that has hardly learned anything.
    """
    return [(WORDS[kind], cost) for kind, cost in _ranked(analysis)] if _has_learned(analysis) else []


def _ranked(analysis: Mapping[str, Any]) -> list[tuple[str, float]]:
    """The kinds of errors that cost something, with their costs, the most costly first."""
    found = {one["kind"]: one["cost"] for one in analysis["errors"] if one["cost"] is not None}
    return sorted(((kind, cost) for kind, cost in found.items() if cost >= _LEAST), key=lambda pair: -pair[1])


def counted(analysis: Mapping[str, Any]) -> str:
    """How much is found at the score threshold, and how much of it is right, a sentence without markup."""
    correct, wrong, boxes = _counts(analysis)
    right = f", and {correct:,} of its {correct + wrong:,} detections are right" if correct + wrong else ""
    at = f"On the evaluation images, at a score of {analysis['score_threshold']:g},"
    return f"{at} it finds {correct:,} of {boxes:,} objects{right}."


def _has_learned(analysis: Mapping[str, Any]) -> bool:
    correct, wrong, boxes = _counts(analysis)
    return not boxes or 2 * correct >= _LEARNED * (correct + wrong + boxes)


def _counts(analysis: Mapping[str, Any]) -> tuple[int, int, int]:
    """The detections that are right, those that are wrong, and the objects, at the score threshold."""
    correct, wrong, boxes = (sum(image[key] for image in analysis["images"]) for key in ("correct", "wrong", "boxes"))
    return correct, wrong, boxes


def _where(analysis: Mapping[str, Any], kind: str) -> str:
    """Which class most of the mistakes belong to, where one has more than half of several."""
    found = analysis["confusion"]
    names = found["labels"][:-1]
    if kind == "classification":
        pairs = {
            (row, column): count
            for row, counts in enumerate(found["matrix"][:-1])
            for column, count in enumerate(counts[:-1])
            if row != column
        }
        counts = {f"{names[row]} taken for {names[column]}": count for (row, column), count in pairs.items()}
    else:
        counts = dict(zip(names, found["unseen" if kind == "missed" else "nowhere"][kind], strict=True))
    total = sum(counts.values())
    if len(counts) < 2 or total < 2:
        return ""
    most = max(counts, key=lambda one: counts[one])
    if 2 * counts[most] <= total:
        return ""
    at = f"at a score of {analysis['score_threshold']:g} on the evaluation images"
    return f" Of {total:,} {at}, {counts[most]:,} are {most}."
