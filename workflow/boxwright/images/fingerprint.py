"""The fingerprint of an image: what it looks like, small enough to keep and to compare.

It has two gray pictures of the whole upright image, squeezed to squares so that neither size nor aspect ratio counts:

    COARSE x COARSE   16 levels, stretched to the image's own range: finds images that may be alike
    FINE x FINE       3 levels, whether a cell is darker or lighter than its surroundings, or neither: decides

The first is the usual start of a perceptual hash. The second is a local ternary pattern (Tan and Triggs, "Enhanced
local texture feature sets for face recognition under difficult lighting conditions", IEEE TIP 19(6), 2010): brightness,
contrast and soft shading drop out of it, and what is left, the texture, is different in any two scenes.

A JPEG file is decoded at the lowest of the scales 1, 1/2, 1/4 and 1/8 that still has FINE cells, which takes a fraction
of the time of decoding it whole.
"""

import base64
import io
from collections.abc import Iterable

import numpy as np
from PIL import Image

from boxwright.images import exif, loader
from boxwright.images.headers import probe

COARSE, FINE = 32, 64
# Two coarse cells in a byte, and five fine ones, as 3 ** 5 < 256.
_SHARED = 5
_OF_COARSE = COARSE * COARSE // 2
_OF_FINE = -(-FINE * FINE // _SHARED)
# An image whose gray values (0 to 255) have less than this standard deviation shows nothing to compare.
_PLAIN = 3.0
# The surroundings of a cell, as the standard deviation of a Gaussian window in cells.
_AROUND = 1.5
# A cell is like its surroundings if it differs by less than this part of their contrast; to the contrast, a standard
# deviation of gray values, comes a little, so that the noise of plain areas does not count as texture.
_ALIKE = 0.4
_NOISE = 4.0

_distance = np.arange(FINE)[:, None] - np.arange(FINE)
_AVERAGE = np.exp(-(_distance**2) / (2 * _AROUND**2)).astype(np.float32)
_AVERAGE /= _AVERAGE.sum(axis=1, keepdims=True)
_PLACES = 3 ** np.arange(_SHARED, dtype=np.uint8)


def text(data: bytes) -> str:
    """The fingerprint of an image, given as its file's bytes, as printable text. Never raises.

    "" if the image cannot be decoded or shows nothing to compare, like an empty page.
    """
    try:
        cells = _cells(data)
    except Exception:  # Pillow raises many kinds on damaged data; the checks report them
        return ""
    if cells.std() < _PLAIN:
        return ""
    size = FINE // COARSE
    coarse = cells.reshape(COARSE, size, COARSE, size).mean(axis=(1, 3))
    low, high = coarse.min(), coarse.max()
    levels = np.rint((coarse - low) * (15 / max(high - low, 1e-3))).astype(np.uint8).ravel()
    apart = cells - _around(cells)
    apart /= np.sqrt(_around(apart * apart)) + _NOISE
    thirds = np.zeros(_OF_FINE * _SHARED, np.uint8)
    thirds[: FINE * FINE] = 1 + (apart > _ALIKE).ravel() - (apart < -_ALIKE).ravel()
    packed = (levels[0::2] << 4 | levels[1::2]).tobytes() + (thirds.reshape(-1, _SHARED) @ _PLACES).tobytes()
    return base64.b64encode(packed).decode("ascii")


def packed(texts: Iterable[str], count: int) -> np.ndarray:
    """`count` fingerprints as bytes, uint8 [count, bytes]: the form in which many of them take the least memory."""
    rows = np.empty((count, _OF_COARSE + _OF_FINE), np.uint8)
    for row, text in zip(rows, texts, strict=True):
        row[:] = np.frombuffer(base64.b64decode(text), np.uint8)
    return rows


def coarse(rows: np.ndarray) -> np.ndarray:
    """The coarse picture of each packed fingerprint: uint8 [N, COARSE, COARSE], 0 to 15."""
    levels = rows[:, :_OF_COARSE]
    return np.stack([levels >> 4, levels & 15], axis=-1).reshape(-1, COARSE, COARSE)


def fine(rows: np.ndarray) -> np.ndarray:
    """The fine picture of each packed fingerprint: int8 [N, FINE, FINE], -1 to 1."""
    unpacked = (rows[:, _OF_COARSE:, None] // _PLACES % 3).reshape(len(rows), -1)[:, : FINE * FINE]
    return unpacked.reshape(-1, FINE, FINE).astype(np.int8) - 1


def _cells(data: bytes) -> np.ndarray:
    """Gray means of FINE x FINE cells of the upright image, float32 [FINE, FINE]."""
    info = probe(data)
    formats = ["jpeg", "mpo"] if info.format == "jpeg" else [info.format]
    with Image.open(io.BytesIO(data), formats=formats) as image:
        if info.format == "jpeg" and info.mode != "cmyk":
            image.draft("L", (FINE, FINE))
        if image.mode not in ("L", "RGB"):
            image = Image.fromarray(loader.load_rgb(data))
            info = info._replace(orientation=1)
        small = image.convert("L").resize((FINE, FINE), Image.Resampling.BOX)
    return exif.upright_pixels(np.asarray(small, np.float32)[..., None], info.orientation)[..., 0]


def _around(cells: np.ndarray) -> np.ndarray:
    """The weighted mean of each cell's surroundings."""
    return _AVERAGE @ cells @ _AVERAGE.T
