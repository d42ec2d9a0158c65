"""Image resizers, by hand; recorded ones are in tests/parity."""

import numpy as np
import pytest
import tensorflow as tf

from boxwright.catalog import check
from boxwright.core.errors import UserError
from boxwright.detector.resizers.resizer import Resizer
from boxwright.pipeline import parts, text


def parse(written: str):
    return text.parse(written, "test", kind="ImageResizer")


def resizer(written: str) -> Resizer:
    return parts.make(parse(written))


def resize(written: str, image: np.ndarray) -> tuple[np.ndarray, list[int]]:
    resized, shape = resizer(written).resize(image)
    return resized.numpy(), shape.numpy().tolist()


def test_bilinear_without_half_pixel_centers():
    image = np.array([[[0, 0, 0], [100, 100, 100]]], np.uint8)
    resized, shape = resize("fixed_shape_resizer { height: 1 width: 4 }", image)
    # Samples at 0, 1/2, 1 and 3/2 of two pixels; the last is beyond the second.
    assert resized[0, :, 0].tolist() == [0, 50, 100, 100]
    assert shape == [1, 4, 3]


@pytest.mark.parametrize(
    ("size", "expected"), [((480, 640), (600, 800)), ((1200, 500), (1024, 427)), ((333, 500), (600, 901))]
)
def test_keep_aspect_ratio_fits_into_both_bounds(size, expected):
    image = np.zeros((*size, 3), np.uint8)
    assert resize("keep_aspect_ratio_resizer { }", image)[1] == [*expected, 3]


def test_padding_at_the_bottom_right_with_its_value():
    image = np.full((2, 4, 3), 10, np.uint8)
    settings = "min_dimension: 2 max_dimension: 4 pad_to_max_dimension: true per_channel_pad_value: [1, 2, 3]"
    resized, shape = resize(f"keep_aspect_ratio_resizer {{ {settings} }}", image)
    assert shape == [2, 4, 3]
    assert resized.shape == (4, 4, 3)
    assert (resized[:2] == 10).all()
    assert (resized[2:] == [1, 2, 3]).all()


def test_conditional_resizer_changes_only_what_meets_the_condition():
    small, large = np.zeros((20, 30, 3), np.uint8), np.zeros((200, 300, 3), np.uint8)
    greater = "conditional_shape_resizer { condition: GREATER size_threshold: 60 }"
    smaller = "conditional_shape_resizer { condition: SMALLER size_threshold: 60 }"
    assert [resize(greater, image)[1][:2] for image in (small, large)] == [[20, 30], [40, 60]]
    assert [resize(smaller, image)[1][:2] for image in (small, large)] == [[60, 90], [200, 300]]


def test_pad_to_multiple_and_identity():
    image = np.full((5, 8, 3), 7, np.uint8)
    padded, shape = resize("pad_to_multiple_resizer { multiple: 4 }", image)
    assert (padded.shape, shape) == ((8, 8, 3), [5, 8, 3])
    assert padded.sum() == image.sum()
    np.testing.assert_array_equal(resize("identity_resizer { }", image)[0], image)


def test_grayscale_has_one_channel():
    image = np.full((2, 2, 3), [255, 0, 0], np.uint8)
    settings = "fixed_shape_resizer { height: 2 width: 2 convert_to_grayscale: true }"
    resized, shape = resize(settings, image)
    assert shape == [2, 2, 1]
    assert resized[0, 0, 0] == pytest.approx(0.2989 * 255, rel=1e-3)
    assert resizer(settings).channels == 1


@pytest.mark.parametrize("method", ["BILINEAR", "NEAREST_NEIGHBOR", "BICUBIC", "AREA"])
def test_affine_resizers_commute_with_normalising(method):
    image = np.random.default_rng(0).integers(0, 256, (9, 13, 3), dtype=np.uint8)
    chosen = resizer(f"fixed_shape_resizer {{ height: 7 width: 5 resize_method: {method} }}")
    assert chosen.affine
    first = chosen.resize(tf.cast(image, tf.float32) * 2 / 255 - 1)[0]
    np.testing.assert_allclose(chosen.resize(image)[0] * 2 / 255 - 1, first, atol=1e-5)


def test_resizers_that_pad_or_mix_channels_are_not_affine():
    assert not resizer("pad_to_multiple_resizer { multiple: 4 }").affine
    assert not resizer("keep_aspect_ratio_resizer { pad_to_max_dimension: true }").affine
    assert not resizer("fixed_shape_resizer { convert_to_grayscale: true }").affine


@pytest.mark.parametrize(
    ("written", "static", "pads"),
    [
        ("fixed_shape_resizer { height: 40 width: 50 }", (40, 50), False),
        ("fixed_shape_resizer { height: 40 width: 50 convert_to_grayscale: true }", (40, 50), False),
        ("keep_aspect_ratio_resizer { min_dimension: 30 max_dimension: 60 }", None, False),
        ("keep_aspect_ratio_resizer { max_dimension: 60 min_dimension: 9 pad_to_max_dimension: true }", (60, 60), True),
        ("identity_resizer { }", None, False),
        ("conditional_shape_resizer { condition: SMALLER size_threshold: 90 }", None, False),
        ("pad_to_multiple_resizer { multiple: 32 }", None, True),
    ],
)
@pytest.mark.parametrize("image", [(60, 97), (33, 101), (75, 75)])
def test_sizes_are_known_beforehand(written, static, pads, image):
    chosen = resizer(written)
    resized, shape = chosen.resize(tf.zeros([*image, 3]))
    assert chosen.sizes(*image) == (tuple(shape.numpy()[:2]), tuple(resized.shape[:2]))
    assert (chosen.static_size, chosen.pads) == (static, pads)
    assert static is None or static == tuple(resized.shape[:2])


@pytest.mark.parametrize("more", ["", "convert_to_grayscale: true"])
def test_a_batch_is_resized_as_its_images(more):
    images = np.random.default_rng(0).integers(0, 256, (2, 9, 13, 3), dtype=np.uint8)
    chosen = resizer(f"fixed_shape_resizer {{ height: 7 width: 5 {more} }}")
    assert chosen.batched
    np.testing.assert_array_equal(chosen.resize(images)[0], [chosen.resize(image)[0] for image in images])
    assert not resizer("keep_aspect_ratio_resizer { pad_to_max_dimension: true }").batched


def test_none_is_said():
    with pytest.raises(UserError, match=r"image_resizer_oneof is not set\. Supported: keep_aspect_ratio_resizer, f"):
        resizer("")


@pytest.mark.parametrize(
    ("written", "field"),
    [
        ("keep_aspect_ratio_resizer { min_dimension: 9 max_dimension: 8 }", "keep_aspect_ratio_resizer.min_dimension"),
        ("keep_aspect_ratio_resizer { per_channel_pad_value: 1 }", "per_channel_pad_value"),
        ("conditional_shape_resizer { condition: INVALID }", "conditional_shape_resizer.condition"),
        ("fixed_shape_resizer { height: 0 }", "fixed_shape_resizer"),
        ("pad_to_multiple_resizer { multiple: 0 }", "pad_to_multiple_resizer.multiple"),
    ],
)
def test_bad_settings_are_refused_by_the_catalogue(written, field):
    with pytest.raises(UserError, match=field):
        check.require(parse(written), "image_resizer")
