"""Images as a form of fixed size takes them: resized as the model was trained, normalised, padded; in numpy alone.

The form says how (`Input`). The arithmetic is that of the engine's image resizers (bilinear, in TensorFlow 1's way:
sample y of the result lies at y * (old / new), without half-pixel centers), to the last digits.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

# How many rows of the result are computed at a time. Of 300 columns, they take 30 kB a step.
_BAND = 32


class Input(NamedTuple):
    """How a form of fixed size takes an image.

    height, width: of the form's input. min_dimension, max_dimension: if given, the image keeps its aspect ratio: its
    shorter side gets the first, unless its longer side would exceed the second, and what is missing below and to the
    right is padded; if not, it is stretched. mean, std: of each channel of 0..255, for (pixel - mean) / std. padding:
    the normalised value of padded pixels, for each channel.
    """

    height: int
    width: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    padding: tuple[float, ...]
    min_dimension: int | None = None
    max_dimension: int | None = None

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "Input":
        """The input that `_asdict()` said, from JSON."""
        return cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in said.items()})

    def size_of(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of an image in the input, without padding."""
        if self.min_dimension is None:
            return self.height, self.width
        sides = np.array([height, width], np.float32)
        large = np.round(sides * np.float32(self.min_dimension / sides.min())).astype(int)
        small = np.round(sides * np.float32(self.max_dimension / sides.max())).astype(int)
        # Of an image that is too narrow for one row or column of pixels the engine makes none, and fails.
        return tuple(np.maximum(small if large.max() > self.max_dimension else large, 1).tolist())

    def normalized(self, image: np.ndarray) -> np.ndarray:
        """An image, uint8 [H, W, 3], as the network was trained on it: float32 [height, width, 3]."""
        height, width = self.size_of(*image.shape[:2])
        mean, std = (np.tile(np.float32(values), width) for values in (self.mean, self.std))
        resized = np.empty((height, width, 3), np.float32)
        for place, rows in _bands(image, height, width):
            rows -= mean
            rows /= std
            resized[place] = rows.reshape(-1, width, 3)
        return self._padded(resized, self.padding)

    def pixels(self, image: np.ndarray) -> np.ndarray:
        """The same before it is normalised, with whole pixels: uint8 [height, width, 3]."""
        height, width = self.size_of(*image.shape[:2])
        resized = np.empty((height, width, 3), np.uint8)
        for place, rows in _bands(image, height, width):
            rows += 0.5
            resized[place] = rows.reshape(-1, width, 3)
        return self._padded(resized, np.clip(np.round(self.padding_pixel), 0, 255))

    @property
    def padding_pixel(self) -> np.ndarray:
        """A padded pixel before it is normalised, float32 [3]."""
        return np.float32(self.padding) * np.float32(self.std) + np.float32(self.mean)

    def _padded(self, image: np.ndarray, padding: Sequence[float]) -> np.ndarray:
        if image.shape[:2] == (self.height, self.width):
            return image
        whole = np.empty((self.height, self.width, 3), image.dtype)
        whole[:] = np.asarray(padding, image.dtype)
        whole[: image.shape[0], : image.shape[1]] = image
        return whole


def bilinear(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """An image [H, W, C] of another size, float32 [height, width, C]."""
    return np.concatenate([rows for _, rows in _bands(image, height, width)]).reshape(height, width, -1)


def _bands(image: np.ndarray, height: int, width: int) -> Iterator[tuple[slice, np.ndarray]]:
    """The rows of `bilinear`, `_BAND` at a time: where they belong, and float32 [rows, width * C].

    Numpy is fast over long rows of single values, and in place; and what lies between stays in the processor's cache.
    """
    above, below, down = _samples(image.shape[0], height)
    left, right, across = _samples(image.shape[1], width)
    channels = np.arange(image.shape[2])
    left, right = ((columns[:, np.newaxis] * len(channels) + channels).ravel() for columns in (left, right))
    across, down = np.repeat(across, len(channels)), down[:, np.newaxis]
    lines = image.reshape(len(image), -1)
    for first in range(0, height, _BAND):
        place = slice(first, first + _BAND)
        top, bottom = (
            _between(*(some.take(columns, axis=1, mode="clip").astype(np.float32) for columns in (left, right)), across)
            for some in (lines.take(rows[place], axis=0) for rows in (above, below))
        )
        yield place, _between(top, bottom, down[place])


def _between(first: np.ndarray, second: np.ndarray, at: np.ndarray) -> np.ndarray:
    """first + (second - first) * at, in the memory of the first (the second is lost)."""
    second -= first
    second *= at
    first += second
    return first


def _samples(old: int, new: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each sample of the new side the two of the old side that it lies between, and where."""
    at = np.arange(new, dtype=np.float32) * (np.float32(old) / np.float32(new))
    first = np.minimum(at.astype(np.int64), old - 1)
    return first, np.minimum(first + 1, old - 1), at - first.astype(np.float32)


def to_image(boxes: np.ndarray, given: Input, height: int, width: int) -> np.ndarray:
    """Boxes [..., 4], normalised to the padded input, normalised to the image of this size and clipped to it."""
    rows, columns = given.size_of(height, width)
    sides = np.float32([rows / given.height, columns / given.width] * 2)
    return np.clip(boxes / sides, 0.0, 1.0)
