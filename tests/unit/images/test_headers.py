"""What the headers say, and that no file makes reading them fail."""

import numpy as np
import pytest
from PIL import Image
from tests import factories

from boxwright.images.headers import ImageInfo, probe

GRAY = Image.fromarray(factories.pixels()).convert("L")
ALPHA = np.dstack([factories.pixels(), factories.pixels()[..., :1]])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (factories.photo(0, 61, 47), ImageInfo("jpeg", 61, 47)),
        (factories.photo(0, 61, 47, progressive=True), ImageInfo("jpeg", 61, 47)),
        (factories.photo(0, 61, 47, orientation=8), ImageInfo("jpeg", 61, 47, orientation=8)),
        (factories.encode(GRAY), ImageInfo("jpeg", 64, 48, "gray")),
        (factories.cmyk(), ImageInfo("jpeg", 64, 48, "cmyk")),
        (factories.encode(factories.pixels(), "PNG"), ImageInfo("png", 64, 48)),
        (factories.encode(GRAY, "PNG"), ImageInfo("png", 64, 48, "gray")),
        (factories.encode(ALPHA, "PNG"), ImageInfo("png", 64, 48, "rgb+alpha")),
        (factories.encode(GRAY.convert("LA"), "PNG"), ImageInfo("png", 64, 48, "gray+alpha")),
        (factories.encode(GRAY.convert("1"), "PNG"), ImageInfo("png", 64, 48, "gray")),
        (factories.png16(np.zeros((2, 3), np.uint16)), ImageInfo("png", 3, 2, "gray", 16)),
        (factories.encode(factories.pixels(), "BMP"), ImageInfo("bmp", 64, 48)),
        (factories.encode(factories.pixels(), "GIF"), ImageInfo("gif", 64, 48)),
        (factories.encode(factories.pixels(), "WEBP"), ImageInfo("webp", 64, 48)),
        (factories.encode(ALPHA, "WEBP"), ImageInfo("webp", 64, 48, "rgb+alpha")),
        (factories.encode(factories.pixels(), "TIFF"), ImageInfo("tiff", 64, 48)),
        (factories.encode(GRAY.convert("I;16"), "TIFF"), ImageInfo("tiff", 64, 48, "gray", 16)),
    ],
)
def test_headers(data, expected):
    assert probe(data) == expected


def test_png_states_its_orientation():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert probe(factories.encode(factories.pixels(), "PNG", exif=exif)).orientation == 6


def test_webp_states_its_orientation():
    exif = Image.Exif()
    exif[0x0112] = 3
    assert probe(factories.encode(factories.pixels(), "WEBP", exif=exif)).orientation == 3


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF"])
def test_every_truncation_is_seen(form):
    data = factories.encode(factories.pixels(0, 24, 16), form)
    assert probe(data).problem == ""
    for length in range(len(data) - 1, -1, -1 if len(data) < 3000 else -7):
        info = probe(data[:length])
        assert info.problem, f"{form} cut to {length} of {len(data)} bytes"
        if form in ("JPEG", "PNG") and length >= 12:
            assert info.truncated


def test_zeros_instead_of_the_end_are_a_truncation():
    """So an interrupted download looks that had reserved its space."""
    data = factories.photo(0, 320, 240)
    assert probe(data[: len(data) // 2] + bytes(len(data) // 2)).truncated


def test_a_tail_behind_the_end_is_no_defect():
    """Telephones append previews and videos."""
    assert probe(factories.photo() + b"preview" * 50).problem == ""
    assert probe(factories.encode(factories.pixels(), "PNG") + b"\0" * 10).problem == ""


def test_a_thumbnail_s_end_is_not_the_image_s():
    exif = Image.Exif()
    thumbnail = factories.photo(1, 16, 12)
    data = factories.photo(0, 320, 240, exif=exif.tobytes() + thumbnail)
    assert thumbnail in data
    assert probe(data).problem == ""
    assert probe(data[:-500]).truncated


def test_a_flipped_bit_in_a_png_is_seen():
    data = bytearray(factories.encode(factories.pixels(), "PNG"))
    data[200] ^= 1
    assert "checksum" in probe(bytes(data)).problem


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (bytes(500), "zeros"),
        (b"<!DOCTYPE html><html>404</html>", "HTML"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"\0\0\0\x18ftypheic" + bytes(40), "HEIC"),
        (b"\xff\xd8\xff\xd9", "ends|holds no image"),
        (b"\x89PNG\r\n\x1a\n", "ends"),
    ],
)
def test_what_is_no_image_says_why(data, says):
    info = probe(data)
    assert info.width == 0
    assert any(part in info.problem for part in says.split("|"))


def test_arithmetic_coding_is_refused():
    data = bytearray(factories.photo())
    data[data.index(b"\xff\xc0") + 1] = 0xC9
    assert "this kind of JPEG is not supported" in probe(bytes(data)).problem


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF"])
def test_garbage_never_raises(form):
    rng = np.random.default_rng(0)
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {"exif": exif} if form in ("JPEG", "PNG", "WEBP", "TIFF") else {}
    good = np.frombuffer(factories.encode(factories.pixels(0, 16, 12), form, **options), np.uint8)
    for _ in range(300):
        bad = good.copy()
        places = rng.integers(0, min(len(bad), 400), rng.integers(1, 12))
        bad[places] = rng.integers(0, 256, len(places))
        info = probe(bad.tobytes()[: rng.integers(4, len(bad) + 1)])
        assert isinstance(info, ImageInfo)
