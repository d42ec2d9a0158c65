"""From an image to what the network takes: normalisation, padding, batches."""

import numpy as np
import pytest
import tensorflow as tf

from boxwright.detector import build
from boxwright.detector.normalization import channel_means, minus_one_to_one
from boxwright.detector.preprocessing import Preprocessing
from boxwright.pipeline import parts, text

FIXED = "fixed_shape_resizer { height: 20 width: 30 }"
PADDED = "keep_aspect_ratio_resizer { min_dimension: 16 max_dimension: 24 pad_to_max_dimension: true }"


def preprocessing(resizer: str, black: bool) -> Preprocessing:
    made = parts.make(text.parse(resizer, "test", kind="ImageResizer"))
    return Preprocessing(made, channel_means.normalize if black else minus_one_to_one.normalize, black)


def test_pixels_from_minus_one_to_one():
    np.testing.assert_allclose(minus_one_to_one.normalize(tf.constant([0.0, 127.5, 255.0])), [-1, 0, 1], atol=1e-6)


def test_means_are_subtracted_from_colors_only():
    np.testing.assert_allclose(
        channel_means.normalize(tf.zeros([1, 1, 3]))[0, 0], [-123.68, -116.779, -103.939], rtol=1e-6
    )
    assert float(channel_means.normalize(tf.fill([1, 1, 1], 5.0))[0, 0, 0]) == 5.0


@pytest.mark.parametrize("black", [False, True])
def test_smaller_images_of_a_batch_are_filled_as_preprocessing_pads(black):
    prepare = preprocessing(PADDED, black)
    pixels, shape = prepare(np.full((10, 20, 3), 200, np.uint8))
    assert shape.numpy().tolist() == [12, 24, 3]
    np.testing.assert_array_equal(pixels[20, 5], np.broadcast_to(prepare.padding_value, 3))
    assert prepare.static_size == (24, 24)
    assert preprocessing("identity_resizer { }", black).static_size is None


def test_gray_images_have_one_padding_value():
    prepare = preprocessing(PADDED.replace("true }", "true convert_to_grayscale: true }"), black=True)
    assert np.asarray(prepare.padding_value).tolist() == [0]


@pytest.mark.parametrize("resizer", [FIXED, PADDED, "identity_resizer { }"])
@pytest.mark.parametrize("black", [False, True])
def test_a_batch_is_preprocessed_like_its_images(resizer, black):
    prepare = preprocessing(resizer, black)
    images = np.random.default_rng(0).integers(0, 256, (2, 25, 40, 3), np.uint8)
    pixels, shapes = prepare.batch(tf.constant(images))
    for row, image in enumerate(images):
        alone, shape = prepare(image)
        np.testing.assert_array_equal(pixels[row], alone)
        np.testing.assert_array_equal(shapes[row], shape)


def test_it_is_made_without_the_network(model):
    image = np.random.default_rng(0).integers(0, 256, (25, 40, 3), np.uint8)
    for ours, theirs in zip(build.preprocessing(model)(image), build.build(model).preprocess(image), strict=True):
        np.testing.assert_array_equal(ours, theirs)
