"""Boxes on one place, compared with all pairs."""

import itertools
import random

from boxwright.dataset import copies


def iou(one, other):
    width = max(min(one[2], other[2]) - max(one[0], other[0]), 0)
    height = max(min(one[3], other[3]) - max(one[1], other[1]), 0)
    area = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return width * height / (area - width * height)


def test_pairs_are_those_of_all_pairs():
    draw = random.Random(0)
    found = 0
    for _ in range(200):
        boxes = []
        for _ in range(draw.randrange(12)):
            near = boxes and draw.random() < 0.5
            x, y, right, bottom = draw.choice(boxes) if near else (draw.uniform(0, 60), draw.uniform(0, 60), 90, 95)
            boxes.append(tuple(value + draw.gauss(0, 0.5) for value in (x, y, right, bottom)))
        expected = [(i, j) for i, j in itertools.combinations(range(len(boxes)), 2) if iou(boxes[i], boxes[j]) > 0.95]
        assert copies.pairs(boxes) == expected
        found += len(expected)
    assert found > 100


def test_the_limit_itself_is_not_over_it():
    assert copies.pairs([(0, 0, 100, 10), (0, 0, 95, 10)]) == []
    assert copies.pairs([(0, 0, 100, 10), (0, 0, 95.01, 10)]) == [(0, 1)]
    assert copies.pairs([(5, 0, 100, 10), (0, 0, 99.9, 10)]) == []
    assert copies.pairs([(1, 2, 3, 4)] * 3) == [(0, 1), (0, 2), (1, 2)]
