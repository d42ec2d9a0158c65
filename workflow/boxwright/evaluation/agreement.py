"""How much of what a checkpoint detects a form of it detects too, on all images."""

from collections.abc import Mapping

import numpy as np

from boxwright.evaluation.data import Detections, Images

# Below this score a difference in the last digits may add a detection to the list or remove one.
CONFIDENT = 0.01


def found_again(wanted: Detections, found: Detections, images: Images, tolerance: float) -> Mapping[str, float | int]:
    """The share of the detections `wanted` that a form finds again, {share, max_box, max_score, detections}.

    One is found again if the form has a detection of the same class whose score, and each side of whose box (the sides
    of the image are 1), differ by at most `tolerance`. max_box and max_score are the largest differences of those.
    Detections with a score below `CONFIDENT` do not count; share is 1 if there is none.
    """
    sides = np.stack([images.heights, images.widths] * 2, axis=1).astype(np.float64)
    wanted = wanted.where(wanted.scores >= CONFIDENT)
    again, box, score = 0, 0.0, 0.0
    starts = np.searchsorted(found.image, np.arange(len(images) + 1))
    for row in range(len(wanted)):
        image = wanted.image[row]
        part = slice(starts[image], starts[image + 1])
        boxes = np.abs((found.boxes[part] - wanted.boxes[row]) / sides[image]).max(axis=1, initial=0)
        scores = np.abs(found.scores[part] - wanted.scores[row])
        fits = (found.classes[part] == wanted.classes[row]) & (boxes <= tolerance) & (scores <= tolerance)
        if fits.any():
            nearest = np.argmin(np.where(fits, boxes + scores, np.inf))
            again, box, score = again + 1, max(box, float(boxes[nearest])), max(score, float(scores[nearest]))
    share = again / len(wanted) if len(wanted) else 1.0
    return {"share": share, "max_box": box, "max_score": score, "detections": len(wanted)}
