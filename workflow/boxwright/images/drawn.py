"""The mark of images on which boxes were drawn: it lies in the file, so a copy of the file is known too.

What shows its boxes must not be learned from: a detector would learn to find the lines.
"""

import os
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image  # slow, and who only looks for the mark does not need it

# A comment of the JPEG file (marker COM, ITU-T T.81 B.2.4.5).
_MARK = b"boxwright drew boxes on this image"
# Comments lie before the pixels, behind the EXIF data, which has at most 64 KiB.
HEAD = 1 << 17


def save(picture: "Image.Image", file: IO[bytes] | str | os.PathLike, **options: Any) -> None:
    """Write an image as JPEG, with the mark; `options` are Pillow's."""
    picture.save(file, "JPEG", comment=_MARK, **options)


def is_drawn(data: bytes) -> bool:
    """Whether an image file, given by its bytes (the first `HEAD` will do), has the mark."""
    return data.find(_MARK, 0, HEAD) >= 0
