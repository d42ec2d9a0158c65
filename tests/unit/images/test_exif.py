"""Orientation: boxes turn as pixels do."""

import numpy as np
import pytest

from boxwright.images import exif


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_box_turns_with_its_pixels(orientation):
    width, height, corners = 30, 20, (3, 5, 11, 19)
    image = np.zeros((height, width, 1), np.uint8)
    xmin, ymin, xmax, ymax = corners
    image[ymin:ymax, xmin:xmax] = 1
    turned = exif.upright_pixels(image, orientation)
    assert turned.shape[1::-1] == exif.upright_size(width, height, orientation)
    rows, columns = np.nonzero(turned[..., 0])
    expected = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    assert exif.upright_corners(corners, width, height, orientation) == expected


def test_six_means_turn_clockwise():
    """The camera's top is at the right of what is stored: what is stored at the left bottom is seen at the left top."""
    stored = np.arange(6).reshape(2, 3, 1)
    assert exif.upright_pixels(stored, 6)[..., 0].tolist() == [[3, 0], [4, 1], [5, 2]]
    assert exif.upright_pixels(stored, 8)[..., 0].tolist() == [[2, 5], [1, 4], [0, 3]]
    assert exif.upright_pixels(stored, 3)[..., 0].tolist() == [[5, 4, 3], [2, 1, 0]]
    assert exif.upright_pixels(stored, 5)[..., 0].tolist() == [[0, 3], [1, 4], [2, 5]]


@pytest.mark.parametrize("orientation", [0, 9, -1, 70000])
def test_illegal_values_change_nothing(orientation):
    assert not exif.is_legal(orientation)
    assert exif.upright_size(3, 2, orientation) == (3, 2)
    assert exif.upright_corners((0, 1, 2, 2), 3, 2, orientation) == (0, 1, 2, 2)
    np.testing.assert_array_equal(exif.upright_pixels(np.ones((2, 3, 1)), orientation), np.ones((2, 3, 1)))


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_tag_is_read_in_both_byte_orders(order):
    import struct

    mark = b"II" if order == "<" else b"MM"
    entry = struct.pack(order + "HHIHH", exif.TAG, 3, 1, 6, 0)
    other = struct.pack(order + "HHII", 0x010F, 2, 4, 0)
    block = mark + struct.pack(order + "HIH", 42, 8, 2) + other + entry
    assert exif.orientation_in(block) == 6
    for length in range(len(block)):  # wherever it is cut, it states nothing or its value
        assert exif.orientation_in(block[:length]) in (1, 6)
    assert exif.orientation_in(b"not TIFF") == 1
