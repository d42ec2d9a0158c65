"""The one image loader, used by records, evaluation, export and prediction.

An image is uint8 RGB and upright (EXIF orientation applied). JPEG is decoded with the accurate integer inverse DCT and
smooth chroma upsampling, which gives the same bits as
`tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE")`.
"""

import io
import os
from collections.abc import Collection
from functools import lru_cache

import numpy as np
from PIL import Image

from boxwright.core import parts
from boxwright.core.errors import UserError
from boxwright.images import exif
from boxwright.images.headers import MAX_PIXELS, ImageInfo, probe, too_large

__all__ = [
    "EXTENSIONS",
    "MAX_PIXELS",
    "UPRIGHT",
    "ImageInfo",
    "encode_for_record",
    "fixes_for",
    "load_rgb",
    "probe",
    "too_large",
]

# The checks and `load_rgb` judge the size of an image before it is decoded.
Image.MAX_IMAGE_PIXELS = None
# What TensorFlow's decoders of JPEG and PNG take, and so the upper bound of `dataset.max_pixels`.
MOST_PIXELS = 2**29 - 1

# File name extensions and their formats. Files with other extensions are not images.
EXTENSIONS = {
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".jpe": "jpeg",
    ".jfif": "jpeg",
    ".png": "png",
    ".bmp": "bmp",
    ".dib": "bmp",
    ".gif": "gif",
    ".webp": "webp",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".heic": "heic",
    ".heif": "heic",
    ".avif": "avif",
}

# What encode_for_record may have to do: turn the pixels upright, convert them to 8-bit RGB, or convert from a format
# that the readers of records cannot decode (they decode JPEG and PNG).
UPRIGHT, RGB, PNG = "upright", "rgb", "png"

# PNG is lossless at any level. Level 6 takes 3 times as long for files that are 3 % smaller.
_COMPRESSION = 3


@lru_cache(maxsize=1024)
def fixes_for(info: ImageInfo) -> tuple[str, ...]:
    """The changes after which a decoder that knows only JPEG, PNG and RGB gives the same image as `load_rgb`."""
    fixes = []
    if exif.is_legal(info.orientation) and info.orientation != 1:
        fixes.append(UPRIGHT)
    if info.mode == "cmyk" or info.mode.endswith("+alpha") or info.bits > 8:
        fixes.append(RGB)
    if info.format not in ("jpeg", "png"):
        fixes.append(PNG)
    return tuple(fixes)


def load_rgb(
    source: str | os.PathLike | bytes,
    max_pixels: int = MOST_PIXELS,
    advice: str = "Scale it down, or raise `dataset.max_pixels`.",
) -> np.ndarray:
    """Decode an image file, given as a path or as its bytes, to uint8 [H, W, 3], RGB and upright.

    Gray is repeated in three channels. 16-bit values keep their upper 8 bits, as in TensorFlow's PNG decoder. Alpha is
    composited on white, as viewers show it. CMYK becomes RGB by (255 - ink) * (255 - black) / 255. An animation gives
    its first frame.

    `max_pixels` is for files that no check has seen; `advice` is given about one with more. Raises UserError if the
    file is not an image, is truncated or damaged, or has more pixels; FileNotFoundError if it does not exist.
    """
    name = "the image" if isinstance(source, bytes) else str(source)
    data = source if isinstance(source, bytes) else parts.read(source)
    info = probe(data)
    if info.problem:
        raise UserError(f"{name} cannot be read: {info.problem}. Replace the file or remove it.")
    if why := too_large(info, max_pixels):
        raise UserError(f"{name} is too large: {why}. {advice}")
    formats = ["jpeg", "mpo"] if info.format == "jpeg" else [info.format]
    try:
        with Image.open(io.BytesIO(data), formats=formats) as image:
            pixels = _rgb(image, data)
    except MemoryError as error:
        raise UserError(f"{name} needs more memory than there is ({info.width}x{info.height} pixels).") from error
    except Exception as error:  # Pillow raises many kinds on damaged data
        raise UserError(f"{name} cannot be decoded: {error}. Replace the file or remove it.") from error
    return exif.upright_pixels(pixels, info.orientation)


def encode_for_record(data: bytes, fixes: Collection[str] = ()) -> tuple[bytes, str]:
    """The bytes that go into a record and their format, "jpeg" or "png".

    Without fixes these are the file's own bytes. With fixes, the image from `load_rgb` is encoded as PNG, which is
    lossless.
    """
    if not fixes:
        return data, probe(data).format
    buffer = io.BytesIO()
    Image.fromarray(load_rgb(data)).save(buffer, format="PNG", compress_level=_COMPRESSION)
    return buffer.getvalue(), "png"


def _rgb(image: Image.Image, data: bytes) -> np.ndarray:
    """The stored pixels of an opened image as uint8 [H, W, 3]."""
    if image.mode == "CMYK":
        inks = np.asarray(image, dtype=np.uint16)
        if image.format in ("JPEG", "MPO") and "adobe" not in image.info:
            inks = 255 - inks  # Pillow treats every CMYK JPEG as Adobe's, which are inverted
        return ((255 - inks[..., :3]) * (255 - inks[..., 3:]) // 255).astype(np.uint8)
    if image.mode == "I" or image.mode.startswith("I;16"):
        gray = (np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
        return np.repeat(gray[..., None], 3, axis=-1)
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers without a defined range")
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        page = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(page, layers)
    return np.array(image.convert("RGB"))
