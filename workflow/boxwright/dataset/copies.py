"""Boxes of one image that lie on the same place: drawn twice, or once for each of two classes."""

from collections.abc import Sequence

# Boxes with an IoU above this are on the same place.
SAME_PLACE = 0.95
# Two boxes on one place begin no further apart than this share of the first one's side.
_APART = (1 - SAME_PLACE) / SAME_PLACE

Corners = tuple[float, float, float, float]


def pairs(corners: Sequence[Corners]) -> list[tuple[int, int]]:
    """All pairs of boxes on the same place, as (earlier, later) positions, sorted.

    corners: (xmin, ymin, xmax, ymax) of each box, with an area above 0. Boxes are compared in the order of their left
    edges, each with the few that begin close behind it, because every image of a data set passes through here.
    """
    if len(corners) < 2:
        return []
    found = []
    order = sorted(range(len(corners)), key=corners.__getitem__)
    for place, one in enumerate(order, start=1):
        xmin, ymin, xmax, ymax = corners[one]
        reach, apart = xmin + (xmax - xmin) * _APART, (ymax - ymin) * _APART
        for other in order[place:]:
            second = corners[other]
            if second[0] > reach:
                break
            if abs(second[1] - ymin) <= apart and _iou(corners[one], second) > SAME_PLACE:
                found.append((one, other) if one < other else (other, one))
    return sorted(found)


def _iou(one: Corners, other: Corners) -> float:
    """Intersection over union of two boxes that overlap, or 0."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / ((one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - shared)
