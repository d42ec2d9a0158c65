"""How large an image may be, so that every later stage can read it and draw on it."""

from boxwright.images import headers
from boxwright.images.headers import ImageInfo

# The longest side of a JPEG, in which images with drawn boxes are written, for libjpeg. PNG readers take a million.
MOST_SIDE = 65_500


def too_large(info: ImageInfo, max_pixels: int) -> str:
    """Why an image is not used, with its size: too long a side, or more than `max_pixels` pixels; "" if it is used."""
    return too_long(info.width, info.height) or headers.too_large(info, max_pixels)


def too_long(width: int, height: int) -> str:
    """The same for the sides alone."""
    if max(width, height) <= MOST_SIDE:
        return ""
    return f"{width}x{height} has a side of {max(width, height):,} pixels, and at most {MOST_SIDE:,} are taken"
