"""The masks of Label Studio's brush: four bytes for each pixel, of which the last says whether it is in the mask.

They are packed into bits: 32 for the number of values, 5 for the width of a value less one, four times 4 for the widths
of lengths less one; then blocks. A block has a bit that says whether it is one value repeated, two that say which width
its length has, the length less one, and the value or the values.
Source: the format that thi.ng's rle-pack describes, which Label Studio uses.
"""

from collections.abc import Iterator
from typing import Any

from boxwright.dataset.stated import UNKNOWN, Corners, around_runs

_CHANNELS = 4
# A block of values that differ is as long as its bits; only repetitions can make much of few bytes.
_MOST_PIXELS = 1 << 30


def corners(packed: Any, width: int, height: int) -> Corners:
    """The rectangle around a mask's pixels; unknown if it is not one of an image of that size."""
    if not isinstance(packed, list) or not 0 < width * height <= _MOST_PIXELS:
        return UNKNOWN
    if not all(isinstance(byte, int) and 0 <= byte < 256 for byte in packed):
        return UNKNOWN
    try:
        return around_runs(_pixels(bytes(packed), width * height), width)
    except ValueError:
        return UNKNOWN


def _pixels(data: bytes, pixels: int) -> Iterator[tuple[int, int]]:
    """Runs of pixels in the mask (first pixel, length). Raises ValueError if the data is no such mask."""
    bits = _Bits(data)
    if bits.take(32) != pixels * _CHANNELS:
        raise ValueError("it has another number of values")
    word = bits.take(5) + 1
    widths = [bits.take(4) + 1 for _ in range(4)]
    start = 0
    while start < pixels * _CHANNELS:
        repeated = bits.take(1)
        end = start + bits.take(widths[bits.take(2)]) + 1
        if end > pixels * _CHANNELS:
            raise ValueError("a block is too long")
        for first, after in (
            [(start, end)] if repeated else zip(range(start, end), range(start + 1, end + 1), strict=True)
        ):
            if bits.take(word):
                pixel, last = first // _CHANNELS, (after - _CHANNELS) // _CHANNELS
                if last >= pixel:
                    yield pixel, last - pixel + 1
        start = end


class _Bits:
    """Reads bytes bit by bit, the highest first."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> int:
        """The next so many bits as a number. Raises ValueError at the end of the data."""
        end = self._at + count
        if end > 8 * len(self._data):
            raise ValueError("it ends early")
        part = int.from_bytes(self._data[self._at // 8 : (end + 7) // 8], "big")
        self._at = end
        return part >> (-end % 8) & ((1 << count) - 1)
