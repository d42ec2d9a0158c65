"""The one image loader: what records, evaluation, export and prediction see of an image file.

An image is uint8 RGB, upright (EXIF orientation applied), and JPEG is decoded with the accurate integer inverse DCT and
smooth chroma upsampling: the same bits as `tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE")`.
"""

import io
import os
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from boxwright.core.errors import UserError
from boxwright.images import exif
from boxwright.images.headers import ImageInfo, probe

__all__ = ["EXTENSIONS", "UPRIGHT", "ImageInfo", "encode_for_record", "fixes_for", "load_rgb", "probe"]

# File name extensions of each format; names that end otherwise are not taken for images.
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

# What encode_for_record may have to do: turn the pixels upright, make them 8-bit RGB, leave a format that the decoders
# of a record (JPEG and PNG) do not read.
UPRIGHT, RGB, PNG = "upright", "rgb", "png"

# PNG is lossless; level 6 takes 3 times as long for 3 % less.
_COMPRESSION = 3


@lru_cache(maxsize=1024)
def fixes_for(info: ImageInfo) -> tuple[str, ...]:
    """What has to be done to an image before a decoder that knows only JPEG, PNG and RGB shows what `load_rgb` does."""
    fixes = []
    if exif.is_legal(info.orientation) and info.orientation != 1:
        fixes.append(UPRIGHT)
    if info.mode == "cmyk" or info.mode.endswith("+alpha") or info.bits > 8:
        fixes.append(RGB)
    if info.format not in ("jpeg", "png"):
        fixes.append(PNG)
    return tuple(fixes)


def load_rgb(source: str | os.PathLike | bytes) -> np.ndarray:
    """Decode an image file, given as a path or as its bytes, to uint8 [H, W, 3], RGB and upright.

    Gray is repeated in three channels; of 16 bits the upper 8 are taken, as TensorFlow's PNG decoder does; alpha is
    composited on white, as it is looked at; CMYK becomes RGB by (255 - ink) * (255 - black) / 255; of an animation
    the first frame is taken.

    Raises UserError where the file is no image, is truncated or damaged; FileNotFoundError where it is not there.
    """
    name = "the image" if isinstance(source, bytes) else str(source)
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    info = probe(data)
    if info.problem:
        raise UserError(f"{name} cannot be read: {info.problem}. Replace the file or remove it.")
    formats = ["jpeg", "mpo"] if info.format == "jpeg" else [info.format]
    try:
        with Image.open(io.BytesIO(data), formats=formats) as image:
            pixels = _rgb(image, data)
    except Exception as error:  # Pillow raises many kinds on damaged data
        raise UserError(f"{name} cannot be decoded: {error}. Replace the file or remove it.") from error
    return exif.upright_pixels(pixels, info.orientation)


def encode_for_record(data: bytes, fixes: Collection[str] = ()) -> tuple[bytes, str]:
    """The bytes that go into a record and their format, "jpeg" or "png".

    Without fixes the file's own bytes are taken. With any, the image as `load_rgb` gives it is written as PNG, which
    keeps every bit of it.
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
            inks = 255 - inks  # Pillow takes every CMYK JPEG for one of Adobe's, which are inverted
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
