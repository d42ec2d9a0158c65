"""EXIF orientation: reading it from a file, and applying it to pixels and boxes.

The Exif 2.32 standard (tag 0x0112) defines eight values: 1 is upright, 2 to 4 mirror the image or turn it by 180
degrees, 5 to 8 also exchange width and height. "Stored" means the image as its bytes decode, "upright" the image as it
should be seen.
"""

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # importing it takes longer than reading the headers of a thousand images
    import numpy as np

TAG = 0x0112

# orientation: (exchange the axes, then mirror horizontally, then mirror vertically)
_STEPS = {
    1: (False, False, False),
    2: (False, True, False),
    3: (False, True, True),
    4: (False, False, True),
    5: (True, False, False),
    6: (True, True, False),
    7: (True, True, True),
    8: (True, False, True),
}


def is_legal(orientation: int) -> bool:
    """Whether the standard defines the value. For any other value the image is used as stored."""
    return orientation in _STEPS


def exchanges_axes(orientation: int) -> bool:
    """Whether the stored width is the upright height."""
    return orientation in _STEPS and _STEPS[orientation][0]


def upright_size(width: int, height: int, orientation: int) -> tuple[int, int]:
    """(width, height) of the upright image, from the size of the stored image."""
    return (height, width) if exchanges_axes(orientation) else (width, height)


def upright_pixels(image: "np.ndarray", orientation: int) -> "np.ndarray":
    """The upright image of a stored one, [H, W, C] to [H, W, C] or [W, H, C]."""
    if not is_legal(orientation) or orientation == 1:
        return image
    exchange, mirror_x, mirror_y = _STEPS[orientation]
    if exchange:
        image = image.swapaxes(0, 1)
    if mirror_x:
        image = image[:, ::-1]
    if mirror_y:
        image = image[::-1]
    return image.copy(order="C")


def upright_corners(
    corners: tuple[float, float, float, float], width: int, height: int, orientation: int
) -> tuple[float, float, float, float]:
    """A box (xmin, ymin, xmax, ymax) in pixels, moved from the stored image (`width` x `height`) to the upright one."""
    if not is_legal(orientation):
        return corners
    xmin, ymin, xmax, ymax = corners
    exchange, mirror_x, mirror_y = _STEPS[orientation]
    if exchange:
        xmin, ymin, xmax, ymax = ymin, xmin, ymax, xmax
        width, height = height, width
    if mirror_x:
        xmin, xmax = width - xmax, width - xmin
    if mirror_y:
        ymin, ymax = height - ymax, height - ymin
    return xmin, ymin, xmax, ymax


def orientation_in(tiff: bytes) -> int:
    """The orientation stated in an Exif block (a small TIFF file): 1 if there is none or the block is damaged, 0 if the
    tag has a wrong type.
    """
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    try:
        if order is None or struct.unpack_from(order + "H", tiff, 2)[0] != 42:
            return 1
        (start,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, start)
        for index in range(count):
            tag, kind, number = struct.unpack_from(order + "HHI", tiff, start + 2 + 12 * index)
            if tag == TAG and number == 1:
                if kind not in (1, 3, 4):  # BYTE, SHORT, LONG
                    return 0
                value = {1: "B", 3: "H", 4: "I"}[kind]
                return struct.unpack_from(order + value, tiff, start + 10 + 12 * index)[0]
    except struct.error:
        pass
    return 1
