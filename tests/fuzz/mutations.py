"""Mutants: damaged, hostile and odd variants of sound files, as hypothesis strategies.

A mutant is a seed with one to four changes: bits, bytes, chunks that are cut, repeated, exchanged or taken from another
seed, numbers that are extreme, and words of the format at odd places. What only one format needs (its checksums, its
nesting) is in the test of that format.
"""

import re
import struct
from collections.abc import Callable, Sequence

from hypothesis import strategies as st

Change = Callable[[Callable, bytes], bytes]

# Text that stands for a number, mostly one that no reader expects.
NUMBERS = (
    *("0", "-1", "-0", "1", "4.0", "1.5", ".5", "007", "0x10", "1_000", "1,5", "+3", "１２", "", " ", "-"),
    *("nan", "-nan", "inf", "-inf", "1e308", "1e999", "1e-400", "null", "true"),
    *("255", "65535", "65536", "2147483647", "2147483648", "4294967295", "4294967296", "9223372036854775808"),
    *("9" * 30, "9" * 400, "-" + "9" * 30, "0." + "0" * 60 + "1", "1e12", "1000000000"),
)
# Numbers of a binary file, of 1, 2, 4 and 8 bytes.
_EXTREMES = {size: (0, 1, 2 ** (8 * size - 1) - 1, 2 ** (8 * size - 1), 2 ** (8 * size) - 1) for size in (1, 2, 4, 8)}
_PACKED = [
    number.to_bytes(size, order)
    for size, numbers in _EXTREMES.items()
    for number in (*numbers, 1000 % 2 ** (8 * size))
    for order in ("little", "big")
]
_NUMBER = re.compile(rb"\d+(?:\.\d+)?")
# Characters that text formats trip over: of other scripts, invisible, of two and four bytes, and none at all.
ODD_TEXT = (
    *("\0", "\x01", "\x1b[31m", "\x7f", "\t", "\r", "\n", "\r\n", "\x85", "\u2028", "\ufeff", "\ufffe", "\u200b"),
    *("é", "e\u0301", "ſ", "İ", "猫", "हिन्दी", "\u202eabc", "🐈", "\\", "'", '"', "{", "}", "$", "%s", "..", "/", "~"),
)
_ODD = [text.encode() for text in ODD_TEXT] + [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80"]

# A place in a file, as a share of its length, and the length of a chunk.
_FULL = 1 << 16
_place = st.integers(0, _FULL)
_length = st.integers(1, 64)
_byte = st.integers(0, 255)
_bit = st.integers(0, 7)
_times = st.integers(2, 40)
_count = st.integers(1, 4)
_packed = st.sampled_from(_PACKED)
_numbers = st.sampled_from([text.encode() for text in NUMBERS])
_odd = st.sampled_from(_ODD)
_half = st.booleans()


def _at(draw: Callable, data: bytes) -> int:
    return draw(_place) * len(data) // _FULL


def _chunk(draw: Callable, data: bytes) -> slice:
    """A chunk of up to 64 bytes, or of up to the whole of a larger file."""
    start = _at(draw, data)
    size = draw(_length)
    return slice(start, start + (size if draw(_half) else size * len(data) // 64))


def _flip(draw: Callable, data: bytes) -> bytes:
    at = _at(draw, data)
    return data[:at] + bytes([one ^ 1 << draw(_bit) for one in data[at : at + 1]]) + data[at + 1 :]


def _set(draw: Callable, data: bytes) -> bytes:
    at = _at(draw, data)
    return data[:at] + bytes([draw(_byte)]) + data[at + 1 :]


def _truncate(draw: Callable, data: bytes) -> bytes:
    return data[: _at(draw, data)]


def _cut(draw: Callable, data: bytes) -> bytes:
    part = _chunk(draw, data)
    return data[: part.start] + data[part.stop :]


def _repeat(draw: Callable, data: bytes) -> bytes:
    part = _chunk(draw, data)
    return data[: part.start] + data[part][:4096] * draw(_times) + data[part.stop :]


def _exchange(draw: Callable, data: bytes) -> bytes:
    """Two neighbouring chunks change places."""
    part = _chunk(draw, data)
    after = slice(part.stop, part.stop + draw(_length))
    return data[: part.start] + data[after] + data[part] + data[after.stop :]


def _blank(draw: Callable, data: bytes) -> bytes:
    """Zeros in place of a chunk, as a power cut leaves them."""
    part = _chunk(draw, data)
    return data[: part.start] + bytes(len(data[part])) + data[part.stop :]


def _pack(draw: Callable, data: bytes) -> bytes:
    number = draw(_packed)
    at = _at(draw, data)
    return data[:at] + number + data[at + len(number) :]


def _count_oddly(draw: Callable, data: bytes) -> bytes:
    """An extreme number in place of one that the text has."""
    found = list(_NUMBER.finditer(data))
    if not found:
        return data
    which = found[draw(_place) * (len(found) - 1) // _FULL]
    return data[: which.start()] + draw(_numbers) + data[which.end() :]


def _insert(words: st.SearchStrategy[bytes]) -> Change:
    def insert(draw: Callable, data: bytes) -> bytes:
        at = _at(draw, data)
        return data[:at] + draw(words) + data[at:]

    return insert


def _splice(seeds: Sequence[bytes]) -> Change:
    """A chunk of some seed, in place of a chunk."""
    others = st.sampled_from(seeds)

    def splice(draw: Callable, data: bytes) -> bytes:
        other, part = draw(others), _chunk(draw, data)
        return data[: part.start] + other[_chunk(draw, other)] + data[part.stop :]

    return splice


def mutants(
    seeds: Sequence[bytes], *, words: Sequence[bytes | str] = (), text: bool = False
) -> st.SearchStrategy[bytes]:
    """Seeds with one to four changes.

    words: what means something in the format (tags, keys, magic numbers); it is put at odd places.
    text: whether numbers are written in digits, else in bytes.
    """
    changes = [_flip, _set, _truncate, _cut, _repeat, _exchange, _blank, _splice(seeds)]
    changes += [_count_oddly, _count_oddly, _insert(_odd)] if text else [_pack, _pack]
    if words:
        packed = st.sampled_from([word.encode() if isinstance(word, str) else word for word in words])
        changes += [_insert(packed)] * 2
    seed, change = st.sampled_from(seeds), st.sampled_from(changes)

    @st.composite
    def mutant(draw: Callable) -> bytes:
        data = draw(seed)
        for _ in range(draw(_count)):
            data = draw(change)(draw, data)
        return data

    return mutant()


def listed(words: str) -> list[str]:
    """The words between bars."""
    return words.split("|")


def varint(number: int) -> bytes:
    """A number as protobuf and LevelDB write it: seven bits a byte, the lowest first."""
    parts = []
    while True:
        number, low = number >> 7, number & 0x7F
        parts.append(low | 0x80 if number else low)
        if not number:
            return bytes(parts)


def masked_crc(crc: int) -> bytes:
    """A CRC-32C as TFRecord files and checkpoints store it."""
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)
