"""The check of one exported form: whether it gives the checkpoint's detections, its size, and its time per image."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from boxwright import devices
from boxwright.core.signature import RAW_OUTPUTS
from boxwright.export import reference
from boxwright.export.reference import Detections
from boxwright.export.timing import size, times
from boxwright.runtimes import Detect

# Two detections are the same if their classes are equal and no coordinate (of a box normalised to 0..1) or score
# differs by more than this. The order of sums differs between the graphs, which changes a score by about 1e-6.
TOLERANCE = 1e-3
# Below this score, such a difference may add a detection to the list or remove one.
CONFIDENT = 0.01
# Suppression may decide near-ties either way. The OD API agrees with itself on 98.7 % of the
# detections with other CPU kernels.
LEAST_SAME = 0.98
# A detector that has hardly learned gives many boxes nearly the same score, and more of them change places. Then the
# scores in their order agree all the same. Other boxes with the right scores are no such case.
LEAST_SAME_OF_TIES = 0.5


def check(
    detect: Detect,
    images: Sequence[np.ndarray],
    wanted: Sequence[Detections],
    files: Iterable[str | Path],
    *,
    raw: bool = False,
    tolerance: float = TOLERANCE,
) -> dict[str, Any]:
    """Run a form on `images` (uint8 [H, W, 3]) and compare its detections with those `wanted`.

    files: the files of the form, and its folders with everything in them. raw: compare the boxes and scores before
    suppression instead, row by row. tolerance: what is the same differs by at most this. Returns {images,
    same_detections: {share, max_box, max_score, detections}, bytes, ms_per_image, ms_quartiles, device}: the share of
    detections (or rows) that are the same and the largest difference of their boxes (normalised) and scores, and as
    `compare` says; milliseconds per image, one image at a time and after the warm-up, as median and quartiles, and the
    device that was timed.
    """
    found = reference.answers(detect, images, RAW_OUTPUTS if raw else reference.NAMES)
    pairs = zip(wanted, found, strict=True)
    return {
        "images": len(images),
        "same_detections": (compare_rows if raw else compare)(pairs, tolerance),
        "bytes": size(files),
        **timing(detect, images),
    }


def refuse_others(checked: dict[str, Any], what: str) -> None:
    """Raise RuntimeError if a check found other detections than the checkpoint's: `what` must not be used."""
    same = checked["same_detections"]
    tied = same.get("max_rank", 1.0) <= TOLERANCE
    if same["share"] < (LEAST_SAME_OF_TIES if tied else LEAST_SAME):
        raise RuntimeError(
            f"The exported {what} does not give the detections of the checkpoint that was measured: only "
            f"{same['share']:.1%} of them. This is a fault of boxwright; please report it with the pipeline.config."
        )


def compare(pairs: Iterable[tuple[Detections, Detections]], tolerance: float = TOLERANCE) -> dict[str, float]:
    """How much two lists of detections differ, image by image; the order of the two does not matter. See `check`.

    Also max_rank, the largest difference of two scores in the same place, the best first.
    """
    same = total = 0
    box = score = rank = 0.0
    for one, other in pairs:
        places = (-np.sort(-scores["detection_scores"][0]) for scores in (one, other))
        rank = max(rank, float(np.abs(np.subtract(*_of_one_length(*places))).max(initial=0)))
        for first, second in ((one, other), (other, one)):
            for row in np.flatnonzero(first["detection_scores"][0] >= CONFIDENT):
                total += 1
                boxes = np.abs(second["detection_boxes"][0] - first["detection_boxes"][0, row]).max(axis=1)
                scores = np.abs(second["detection_scores"][0] - first["detection_scores"][0, row])
                fits = second["detection_classes"][0] == first["detection_classes"][0, row]
                fits &= (boxes <= tolerance) & (scores <= tolerance)
                if fits.any():
                    same += 1
                    nearest = np.argmin(np.where(fits, boxes + scores, np.inf))
                    box, score = max(box, float(boxes[nearest])), max(score, float(scores[nearest]))
    share = same / total if total else 1.0
    return {"share": share, "max_box": box, "max_score": score, "detections": total // 2, "max_rank": rank}


def _of_one_length(*lists: np.ndarray) -> list[np.ndarray]:
    """The lists with zeros behind the shorter ones."""
    most = max(map(len, lists))
    return [np.pad(one, (0, most - len(one))) for one in lists]


def compare_rows(pairs: Iterable[tuple[Detections, Detections]], tolerance: float = TOLERANCE) -> dict[str, float]:
    """How much two lists of raw boxes and scores differ, row by row, for `raw` of `check`."""
    same = total = 0
    box = score = 0.0
    for one, other in pairs:
        boxes, scores = (np.abs(one[name] - other[name]).max(axis=-1) for name in RAW_OUTPUTS)
        same += int(((boxes <= tolerance) & (scores <= tolerance)).sum())
        total += boxes.size
        box, score = max(box, float(boxes.max())), max(score, float(scores.max()))
    return {"share": same / total, "max_box": box, "max_score": score, "detections": total}


def timing(detect: Detect, images: Sequence[np.ndarray]) -> dict[str, Any]:
    """Median time per image, the quartiles, and the device, {ms_per_image, ms_quartiles, device}.

    The detector has seen the images before, which is its warm-up.
    """
    return {**times(detect, images, warm=True), "device": device()}


def device() -> str:
    """Where this process computes: the first GPU by its name, else the number of processors that it may use."""
    for gpu in tf.config.get_visible_devices("GPU"):
        return tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
    return devices.cpu()
