"""When a form's detections are others than the checkpoint's, and when chance decided between equal ones."""

import numpy as np
import pytest

from boxwright.export import check

COUNT = 100


def detections(seed: int = 0, spread: float = 1e-4) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    corners = np.sort(random.uniform(0, 1, (COUNT, 2, 2)), axis=1).reshape(COUNT, 4).astype(np.float32)
    scores = np.float32(0.5) - np.arange(COUNT, dtype=np.float32) * np.float32(spread)
    return {
        "detection_boxes": corners[np.newaxis],
        "detection_scores": scores[np.newaxis],
        "detection_classes": np.ones((1, COUNT), np.float32),
    }


def checked(wanted: dict[str, np.ndarray], found: dict[str, np.ndarray]) -> dict:
    return {"same_detections": check.compare([(wanted, found)])}


def other(wanted: dict[str, np.ndarray], rows: slice, **changes: float) -> dict[str, np.ndarray]:
    """With other boxes in some rows, and other scores there if they are to be moved."""
    boxes, scores = wanted["detection_boxes"].copy(), wanted["detection_scores"].copy()
    boxes[0, rows] = detections(seed=1)["detection_boxes"][0, rows]
    scores[0, rows] += changes.get("score", 0.0)
    return {**wanted, "detection_boxes": boxes, "detection_scores": scores}


def test_equal_detections_are_the_same_in_any_order():
    wanted = detections()
    turned = {name: rows[:, ::-1] for name, rows in wanted.items()}
    found = check.compare([(wanted, turned)])
    assert found == {"share": 1.0, "max_box": 0.0, "max_score": 0.0, "detections": COUNT, "max_rank": 0.0}


def test_other_boxes_with_nearly_equal_scores_are_chance():
    """As of a detector that has hardly learned, whose boxes all have nearly the same score."""
    wanted = detections()
    ties = checked(wanted, other(wanted, slice(80, None)))
    assert ties["same_detections"]["share"] == pytest.approx(0.8)
    check.refuse_others(ties, "frozen graph")


@pytest.mark.parametrize(
    ("rows", "score"),
    [(slice(80, None), 0.01), (slice(None), 0.0)],
    ids=["other scores", "other boxes everywhere"],
)
def test_other_detections_are_refused(rows, score):
    wanted = detections()
    with pytest.raises(RuntimeError, match=r"does not give the detections .* only (80|0)\.0% of them"):
        check.refuse_others(checked(wanted, other(wanted, rows, score=score)), "frozen graph")


def test_missing_detections_are_other_ones():
    wanted = detections()
    fewer = {name: rows[:, :90] for name, rows in wanted.items()}
    found = checked(wanted, fewer)
    assert found["same_detections"]["max_rank"] > 0.4
    with pytest.raises(RuntimeError):
        check.refuse_others(found, "frozen graph")
