"""Mutants of image files of every format, and of their EXIF. Independent reading: Pillow."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import strategies as st
from PIL import Image

from boxwright.core.errors import UserError
from boxwright.dataset import image_facts
from boxwright.images import capture, exif, fingerprint, headers, loader
from tests import factories
from tests.fuzz.fuzzing import fuzz, told
from tests.fuzz.mutations import listed, mutants

# Pillow warns of odd metadata.
pytestmark = pytest.mark.filterwarnings("ignore")

_PIXELS = Image.fromarray(factories.pixels(0, 20, 14))
_GRAY, _CLEAR = _PIXELS.convert("L"), _PIXELS.convert("RGBA")
_TAGS = Image.Exif()
_TAGS.update({0x0112: 6, 0x010F: "maker", 0x0132: "2020:01:02 03:04:05"})


def _written(image: Image.Image, form: str, **options: object) -> bytes:
    return factories.encode(image, form, **options)


JPEGS = [
    _written(_PIXELS, "JPEG", exif=_TAGS),
    _written(_GRAY, "JPEG", progressive=True),
    factories.cmyk(),
]
PNGS = [
    _written(_PIXELS, "PNG", exif=_TAGS),
    _written(_CLEAR, "PNG"),
    _written(_PIXELS.quantize(4), "PNG", transparency=0),
    _written(_GRAY.convert("1"), "PNG"),
    factories.png16(np.full((5, 4, 2), 4660, np.uint16)),
]
OTHERS = [
    *(_written(_PIXELS, "BMP"), _written(_PIXELS.quantize(8), "BMP")),
    _written(_PIXELS.quantize(8), "GIF", save_all=True, append_images=[_GRAY.quantize(8)]),
    *(_written(_PIXELS, "WEBP", exif=_TAGS), _written(_CLEAR, "WEBP", lossless=True)),
    *(_written(_PIXELS, "TIFF"), _written(_GRAY, "TIFF", compression="tiff_lzw"), _written(_CLEAR, "TIFF")),
]
SEEDS = [*JPEGS, *PNGS, *OTHERS]
WORDS = [
    *(bytes([0xFF, marker]) for marker in (0xD8, 0xD9, 0xDA, 0xC0, 0xC2, 0xE1, 0xFF, 0x01, 0xD0)),
    *(b"Exif\0\0II*\0\x08\0\0\0", b"Exif\0\0MM\0*\0\0\0\x08", b"II*\0", b"MM\0*", b"WEBPVP8 ", b"!\xf9\x04", b"<svg"),
    *listed("IHDR|IDAT|IEND|tRNS|eXIf|acTL|BM|GIF89a|RIFF|VP8X|ftypheic|;"),
]
# Pixels that are decoded in a test; a header may promise more than any machine has memory for.
_DECODED = 4_000_000


def _sound(data: bytes) -> bytes:
    """A PNG file whose chunks have right checksums again, as far as its lengths make sense."""
    parts, at = [data[:8]], 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        body = data[at + 4 : at + 8 + length]
        parts.append(data[at : at + 4] + body + struct.pack(">I", zlib.crc32(body)))
        at += 12 + length
    return b"".join(parts)


def _pillow(data: bytes, form: str) -> Image.Image | None:
    """The image as Pillow opens it; None if it does not."""
    try:
        image = Image.open(io.BytesIO(data), formats=["jpeg", "mpo"] if form == "jpeg" else [form])
    except Exception:
        return None
    return image


@fuzz(mutants(SEEDS, words=WORDS) | mutants(PNGS).map(_sound))
def test_image_headers(data: bytes) -> None:
    """The size is Pillow's, and what is said to be sound decodes to it."""
    info = headers.probe(data)
    image_facts.said([image_facts.line(data, decode=False)])
    assert info.width >= 0 and info.height >= 0 and info.problem.isprintable()
    if info.problem:
        assert isinstance(told(loader.load_rgb, data), UserError)
        return
    other = _pillow(data, info.format)
    if info.width * info.height <= _DECODED:
        pixels = told(loader.load_rgb, data, _DECODED)
        texts = fingerprint.text(data), capture.text(data)
        assert all(text.isascii() and "\n" not in text for text in texts)
        if not isinstance(pixels, UserError):
            assert pixels.dtype == np.uint8
            assert pixels.shape == (*exif.upright_size(info.width, info.height, info.orientation)[::-1], 3)
            encoded, form = loader.encode_for_record(data, loader.fixes_for(info))
            assert (form, headers.probe(encoded).problem) in {("png", ""), ("jpeg", "")}
    if other is not None:
        assert (info.width, info.height) == other.size


_TAG = st.tuples(
    st.sampled_from([0x0112, 0x0112, 0x010F, 0x8769, 0]),
    st.integers(0, 13),
    st.sampled_from([0, 1, 1, 1, 2, 2**32 - 1]),
    st.sampled_from([0, 1, 3, 6, 8, 9, 255, 65535, 2**32 - 1]),
)
_ORIENTATION = st.tuples(st.just(0x0112), st.sampled_from([3, 4]), st.just(1), st.integers(0, 9))


def _block(order: str, start: int, more: int, tags: list[tuple[int, int, int, int]], end: bytes) -> bytes:
    """An Exif block with some tags of 12 bytes. start: of its tags; more: tags that it promises and does not have."""
    block = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HIH", 42, start, (len(tags) + more) & 0xFFFF)
    for name, kind, number, value in tags:
        form = {1: "Bxxx", 3: "Hxx"}.get(kind, "I")
        value &= {1: 0xFF, 3: 0xFFFF}.get(kind, value)
        block += struct.pack(f"{order}HHI", name, kind, number) + struct.pack(f"{order}{form}", value)
    return block + end


_orders = st.sampled_from("<>")
_TIFF = _TAGS.tobytes().removeprefix(b"Exif\0\0")
_odd_blocks = st.builds(
    _block,
    _orders,
    st.sampled_from([8, 8, 9, 0, 2**32 - 1]),
    st.sampled_from([0, 0, 1, -1, 60000]),
    st.lists(_TAG, max_size=4),
    st.sampled_from([b"", bytes(4), b"\xff" * 9]),
)
_sound_blocks = st.builds(
    _block, _orders, st.just(8), st.just(0), st.lists(_ORIENTATION, min_size=1, max_size=1), st.just(bytes(4))
)


@fuzz(mutants([_TIFF, _TIFF.replace(b"MM", b"II")]) | _odd_blocks | _sound_blocks.map(bytearray))
def test_exif(block: bytes | bytearray) -> None:
    """Never an exception; in a sound block the orientation is the one that Pillow finds."""
    found = exif.orientation_in(bytes(block))
    assert isinstance(found, int) and found >= 0
    if isinstance(block, bytearray):
        tags = Image.Exif()
        tags.load(b"Exif\0\0" + bytes(block))
        assert found == tags[exif.TAG]


def test_seeds_are_read() -> None:
    """The seeds are sound, so that the mutants of them come near."""
    for data in SEEDS:
        assert not headers.probe(data).problem
        loader.load_rgb(data)
    assert exif.orientation_in(_TIFF) == 6
