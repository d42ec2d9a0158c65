"""Masks that are pictures of their own, PNG in a data URL: a pixel is in the mask where the picture is not transparent.

A picture without transparency is a mask where it is not black.
"""

import base64
import binascii
import io
from typing import Any

from PIL import Image

from boxwright.dataset.stated import UNKNOWN, Corners

_START = "data:image/png;base64,"
_MOST_PIXELS = 1 << 28


def corners(address: Any) -> Corners:
    """The rectangle around a mask as fractions of the image; unknown if it is no such picture, or an empty one."""
    if not isinstance(address, str) or not address.startswith(_START):
        return UNKNOWN
    try:
        content = base64.b64decode(address.removeprefix(_START), validate=True)
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            width, height = picture.size
            if width * height > _MOST_PIXELS:
                return UNKNOWN
            shown = picture.convert("RGBA")
    except (OSError, ValueError, SyntaxError, binascii.Error, Image.DecompressionBombError):
        return UNKNOWN
    opaque = shown.getchannel("A")
    mask = opaque if opaque.getextrema()[0] == 0 else shown.convert("L")
    if (box := mask.getbbox()) is None:
        return UNKNOWN
    left, top, right, bottom = box
    return left / width, top / height, right / width, bottom / height
