"""The image loader: TensorFlow's bits, upright, RGB."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pytest
from PIL import Image
from tests import factories

from boxwright.core.errors import UserError
from boxwright.images import exif, loader
from boxwright.images.loader import encode_for_record, fixes_for, load_rgb, probe


def decode_jpeg(data: bytes) -> np.ndarray:
    import tensorflow as tf

    return tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE").numpy()


def decode_png(data: bytes) -> np.ndarray:
    import tensorflow as tf

    return tf.io.decode_png(data, channels=3).numpy()


JPEGS = {
    "4:4:4": factories.photo(1, 61, 47, subsampling=0, quality=95),
    "4:2:2": factories.photo(2, 61, 47, subsampling=1, quality=80),
    "4:2:0": factories.photo(3, 61, 47, subsampling=2, quality=60),
    "low quality": factories.photo(4, 320, 240, quality=10),
    "progressive": factories.photo(5, 200, 133, progressive=True),
    "optimized": factories.photo(6, 17, 9, optimize=True),
    "one pixel": factories.photo(7, 1, 1),
    "restart markers": factories.photo(8, 120, 90, restart_marker_blocks=2),
    "gray": factories.encode(Image.fromarray(factories.pixels(9)).convert("L")),
    "cmyk": factories.cmyk(10),
    "cmyk without Adobe's marker": factories.cmyk(11, adobe=False),
    "rgb kept": factories.encode(factories.pixels(12), keep_rgb=True),
}


@pytest.mark.parametrize("data", JPEGS.values(), ids=JPEGS)
def test_jpeg_has_tensorflow_s_bits(data):
    np.testing.assert_array_equal(load_rgb(data), decode_jpeg(data))


def test_real_images_have_tensorflow_s_bits(shared):
    paths = sorted((shared / "data").glob("*/images/*.jp*g"))[::9]
    assert len(paths) > 50
    for path in paths:
        np.testing.assert_array_equal(load_rgb(path), decode_jpeg(path.read_bytes()), err_msg=str(path))


PNGS = {
    "rgb": factories.encode(factories.pixels(1), "PNG"),
    "gray": factories.encode(Image.fromarray(factories.pixels(2)).convert("L"), "PNG"),
    "one bit": factories.encode(Image.fromarray(factories.pixels(3)).convert("1"), "PNG"),
    "palette": factories.encode(Image.fromarray(factories.pixels(4)).quantize(50), "PNG"),
    "gray, 16 bits": factories.png16(np.arange(0, 65536, 23, dtype=np.uint16)[:2048].reshape(32, 64)),
    "rgb, 16 bits": factories.png16(np.random.default_rng(0).integers(0, 65536, (9, 7, 3), np.uint16)),
}


@pytest.mark.parametrize("data", PNGS.values(), ids=PNGS)
def test_png_has_tensorflow_s_bits(data):
    np.testing.assert_array_equal(load_rgb(data), decode_png(data))


def test_alpha_is_composited_on_white():
    image = factories.pixels(0, 4, 2)
    alpha = np.uint8([[255, 255, 0, 0], [255, 128, 128, 0]])
    shown = load_rgb(factories.encode(np.dstack([image, alpha]), "PNG"))
    expected = np.rint(image * (alpha / 255)[..., None] + 255 * (1 - alpha / 255)[..., None])
    np.testing.assert_allclose(shown, expected, atol=1)
    np.testing.assert_array_equal(shown[alpha == 255], image[alpha == 255])
    assert (shown[alpha == 0] == 255).all()


def test_transparent_palette_is_composited_on_white():
    picture = Image.fromarray(np.uint8([[0, 1]]), "P")
    picture.putpalette([10, 20, 30, 40, 50, 60])
    data = factories.encode(picture, "PNG", transparency=1)
    assert probe(data).mode == "rgb+alpha"
    np.testing.assert_array_equal(load_rgb(data), [[[10, 20, 30], [255, 255, 255]]])


def test_16_bit_alpha_is_composited():
    values = np.full((2, 2, 4), 0x8040, np.uint16)
    values[..., 3] = [[0xFFFF, 0], [0xFFFF, 0]]
    assert load_rgb(factories.png16(values))[:, :, 0].tolist() == [[0x80, 255], [0x80, 255]]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_is_applied(orientation):
    from PIL import ImageOps

    data = factories.photo(3, 40, 24, orientation=orientation)
    stored = decode_jpeg(data)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(factories.io.BytesIO(data))))
    shown = load_rgb(data)
    np.testing.assert_array_equal(shown, upright)
    np.testing.assert_array_equal(shown, exif.upright_pixels(stored, orientation))
    assert shown.shape[1::-1] == exif.upright_size(40, 24, orientation)


@pytest.mark.parametrize("orientation", [0, 9, 255])
def test_illegal_exif_is_ignored(orientation):
    data = factories.photo(3, 40, 24, orientation=orientation)
    assert probe(data).orientation == orientation
    np.testing.assert_array_equal(load_rgb(data), decode_jpeg(data))


@pytest.mark.parametrize(
    ("form", "options"),
    [("BMP", {}), ("GIF", {}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"})],
)
def test_other_formats(form, options):
    image = factories.pixels(1)
    if form == "GIF":
        image = np.asarray(Image.fromarray(image).quantize(64).convert("RGB"))
    np.testing.assert_array_equal(load_rgb(factories.encode(image, form, **options)), image)


def test_a_path_is_as_good_as_bytes(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(JPEGS["4:2:0"])
    np.testing.assert_array_equal(load_rgb(path), load_rgb(JPEGS["4:2:0"]))
    np.testing.assert_array_equal(load_rgb(str(path)), load_rgb(JPEGS["4:2:0"]))


@pytest.mark.parametrize("data", [b"", b"not an image", JPEGS["4:2:0"][:-100], PNGS["rgb"][:-20]])
def test_broken_files_are_named(tmp_path, data):
    path = tmp_path / "broken.jpg"
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"broken\.jpg cannot be read: "):
        load_rgb(path)


def test_damaged_pixels_are_named():
    data = bytearray(factories.encode(factories.pixels(), "PNG"))
    start = data.index(b"IDAT") + 4
    length = int.from_bytes(data[start - 8 : start - 4], "big")
    data[start : start + length] = bytes(length)
    data[start + length : start + length + 4] = factories.zlib.crc32(data[start - 4 : start + length]).to_bytes(
        4, "big"
    )
    assert probe(bytes(data)).problem == ""  # nothing but decoding shows it
    with pytest.raises(UserError, match="cannot be decoded"):
        load_rgb(bytes(data))


def test_bytes_are_copied_unless_there_is_a_fix():
    for data, form in ((JPEGS["gray"], "jpeg"), (PNGS["palette"], "png")):
        assert fixes_for(probe(data)) == ()
        assert encode_for_record(data, ()) == (data, form)


@pytest.mark.parametrize(
    ("data", "fixes"),
    [
        (factories.photo(1, orientation=6), ("upright",)),
        (JPEGS["cmyk"], ("rgb",)),
        (PNGS["rgb, 16 bits"], ("rgb",)),
        (factories.encode(np.dstack([factories.pixels(), factories.pixels()[..., :1]]), "PNG"), ("rgb",)),
        (factories.encode(factories.pixels(), "BMP"), ("png",)),
        (factories.encode(Image.fromarray(factories.pixels()).convert("CMYK"), "TIFF"), ("rgb", "png")),
    ],
)
def test_a_fix_keeps_every_bit_of_what_is_shown(data, fixes):
    assert fixes_for(probe(data)) == fixes
    encoded, form = encode_for_record(data, fixes)
    assert form == "png"
    np.testing.assert_array_equal(decode_png(encoded), load_rgb(data))
    assert fixes_for(probe(encoded)) == ()


def test_extensions_are_lower_case():
    assert all(name == name.lower() and name.startswith(".") for name in loader.EXTENSIONS)
