"""Images as forms of fixed size take them: the arithmetic of the engine's resizers, without TensorFlow."""

import numpy as np
import pytest

from boxwright.detector.resizers import fixed_shape_resizer, keep_aspect_ratio_resizer
from boxwright.runtimes import resizing

KEEP = {"min_dimension": 48, "max_dimension": 64}
PLAIN = {"mean": (0.0,) * 3, "std": (1.0,) * 3, "padding": (0.0,) * 3}


def image(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("size", [(90, 140), (30, 20), (64, 48), (1, 7), (333, 100)])
def test_stretched_as_the_engine_does(size):
    make = fixed_shape_resizer.make(height=64, width=48, resize_method="BILINEAR", convert_to_grayscale=False)
    wanted, _ = make.resize(image(*size))
    given = resizing.Input(64, 48, **PLAIN)
    np.testing.assert_allclose(given.normalized(image(*size)), wanted, atol=1e-4)
    assert np.abs(given.pixels(image(*size)) - wanted.numpy()).max() <= 0.5 + 1e-4


@pytest.mark.parametrize("size", [(90, 140), (140, 90), (20, 20), (10, 200), (64, 64)])
def test_padded_as_the_engine_does(size):
    make = keep_aspect_ratio_resizer.make(
        **KEEP,
        resize_method="BILINEAR",
        convert_to_grayscale=False,
        pad_to_max_dimension=True,
        per_channel_pad_value=(),
    )
    wanted, true = make.resize(image(*size))
    given = resizing.Input(64, 64, **PLAIN, **KEEP)
    assert given.size_of(*size) == tuple(true.numpy()[:2])
    np.testing.assert_allclose(given.normalized(image(*size)), wanted, atol=1e-4)


def test_an_image_too_narrow_for_a_pixel_has_one():
    given = resizing.Input(64, 64, **PLAIN, **KEEP)
    assert given.size_of(2000, 3) == (64, 1) and given.size_of(3, 2000) == (1, 64)
    assert np.any(given.normalized(image(2000, 3))[:, 0]) and not np.any(given.normalized(image(2000, 3))[:, 1:])


def test_normalised_and_padded_by_channel():
    given = resizing.Input(64, 64, (120.0, 110.0, 100.0), (60.0, 50.0, 40.0), (0.0, 0.5, 1.0), **KEEP)
    found, pixels = given.normalized(image(40, 80)), given.pixels(image(40, 80))
    rows, columns = given.size_of(40, 80)
    assert (rows, columns) == (32, 64)
    resized = resizing.bilinear(image(40, 80), rows, columns)
    np.testing.assert_allclose(found[:rows], (resized - given.mean) / np.float32(given.std), atol=1e-4)
    np.testing.assert_array_equal(np.unique(found[rows:].reshape(-1, 3), axis=0), [[0.0, 0.5, 1.0]])
    np.testing.assert_array_equal(np.unique(pixels[rows:].reshape(-1, 3), axis=0), [[120, 135, 140]])


def test_boxes_go_back_to_the_image_and_are_clipped():
    given = resizing.Input(64, 64, **PLAIN, **KEEP)
    boxes = np.float32([[0.0, 0.0, 0.5, 1.0], [0.25, 0.5, 0.9, 1.2]])
    np.testing.assert_allclose(resizing.to_image(boxes, given, 40, 80), [[0, 0, 1, 1], [0.5, 0.5, 1, 1]])


def test_an_input_is_the_same_after_json():
    given = resizing.Input(64, 48, (1.0, 2.0, 3.0), (4.0, 5.0, 6.0), (0.0, 0.0, 0.0), 30, 60)
    said = {key: list(value) if isinstance(value, tuple) else value for key, value in given._asdict().items()}
    assert resizing.Input.of(said) == given
