"""Masks of Label Studio's brush, packed here by the rules of the format."""

import json
import math

import numpy as np
import pytest

from boxwright.dataset.formats import brush, label_studio


def packed(mask, widths=(3, 4, 8, 16), literal=False):
    """A mask's bytes; with `literal`, no value is repeated."""
    values = np.repeat(np.where(mask, 255, 0).astype(np.uint8).ravel(), 4).tolist()
    bits = f"{len(values):032b}{7:05b}" + "".join(f"{width - 1:04b}" for width in widths)
    start = 0
    while start < len(values):
        end = start + 1
        while end < len(values) and end - start < 300 and (literal or values[end] == values[start]):
            end += 1
        which = next(place for place, width in enumerate(widths) if end - start - 1 < 1 << width)
        bits += f"{int(not literal)}{which:02b}{end - start - 1:0{widths[which]}b}"
        bits += "".join(f"{value:08b}" for value in (values[start:end] if literal else values[start : start + 1]))
        start = end
    bits += "0" * (-len(bits) % 8)
    return [int(bits[place : place + 8], 2) for place in range(0, len(bits), 8)]


MASK = np.zeros((30, 40), bool)
MASK[5:12, 8:21] = True
MASK[20, 3] = True


@pytest.mark.parametrize("literal", [False, True])
def test_the_rectangle_around_a_mask(literal):
    assert brush.corners(packed(MASK, literal=literal), 40, 30) == (3, 5, 21, 21)


def test_a_mask_over_whole_rows():
    assert brush.corners(packed(np.ones((30, 40), bool)), 40, 30) == (0, 0, 40, 30)


@pytest.mark.parametrize(
    "data",
    [None, [], [300], ["x"], packed(MASK)[:-20], packed(np.zeros((30, 40), bool)), packed(MASK[:-1])],
    ids=["none", "empty", "no byte", "text", "short", "no pixel", "another size"],
)
def test_what_is_no_mask(data):
    assert all(map(math.isnan, brush.corners(data, 40, 30)))


def test_in_a_task():
    value = {"format": "rle", "rle": packed(MASK), "brushlabels": ["cat"]}
    result = {"type": "brushlabels", "original_width": 40, "original_height": 30, "value": value}
    task = {"data": {"image": "a.jpg"}, "annotations": [{"result": [result]}]}
    (statement,) = label_studio.read(json.dumps([task]).encode()).statements
    (box,) = statement.boxes
    assert box.corners == pytest.approx((3 / 40, 5 / 30, 21 / 40, 21 / 30))
    assert (box.class_name, box.shape) == ("cat", "mask")
