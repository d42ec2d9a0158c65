"""Of equal values OpenVINO's model takes the first, as ONNX does, and it resizes images as TensorFlow does."""

import numpy as np
import pytest

pytest.importorskip("openvino")

from boxwright.core.openvino import openvino
from boxwright.export import openvino_model, openvino_resize


@pytest.mark.parametrize(("count", "values"), [(5, 5), (7, 100), (100, 3000), (33, 5000)])
@pytest.mark.parametrize("different", [1, 2, 10, 1_000_000])
@pytest.mark.parametrize("known", [True, False])
def test_the_best_are_the_first_of_equal_values(count, values, different, known):
    from openvino import opset13 as op

    given = op.parameter([-1, values if known else -1], np.float32)
    best = op.topk(given, op.constant(np.int64(count)), -1, "max", "value", "i64")
    model = openvino.Model([best.output(0), best.output(1)], [given])
    openvino.utils.replace_node(best, openvino_model._stable(best))
    in_blocks = any(one.get_type_name() == "ReduceMax" for one in model.get_ops())
    assert in_blocks == (known and values == 5000), "among many values, if their number is known"
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    scores = np.random.default_rng(0).integers(0, different, (3, values)).astype(np.float32) / different
    scores[2, 3:] = -np.inf  # as what a long row is filled up with
    found = compiled([scores])
    order = np.argsort(-scores, axis=1, kind="stable")[:, :count]
    np.testing.assert_array_equal(found[compiled.output(1)], order)
    np.testing.assert_array_equal(found[compiled.output(0)], np.take_along_axis(scores, order, 1))


def interpolated(given, sides, **other):
    """An Interpolate of floats in the order of channels first, as ONNX has it, of images `given`."""
    from openvino import opset13 as op

    how = {"coordinate_transformation_mode": "asymmetric"} | other
    order = op.constant(np.int64([0, 3, 1, 2]))
    pixels, axes = op.transpose(op.convert(given, "f32"), order), op.constant(np.int64([2, 3]))
    return op.interpolate(pixels, sides, "linear_onnx", "sizes", axes=axes, **how)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("size", [(48, 64), (7, 200), (1, 1), (30, 20)])
def test_images_are_resized_as_tensorflow_does(known, batch, size):
    import tensorflow as tf
    from openvino import opset13 as op

    given, wanted = op.parameter([-1, -1, -1, 3], np.uint8), op.parameter([2], np.int64)
    resizing = interpolated(given, op.constant(np.int64([30, 20])) if known else wanted)
    (found,) = openvino_resize.resized(resizing)
    assert found.get_node() is not resizing
    model = openvino.Model([found], [given] if known else [given, wanted])
    assert "Interpolate" not in [one.get_type_name() for one in model.get_ops()]
    images = np.random.default_rng(0).integers(0, 256, (batch, *size, 3)).astype(np.uint8)
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    result = compiled([images] if known else [images, np.int64([30, 20])])[0]
    expected = tf.compat.v1.image.resize_bilinear(images, [30, 20]).numpy()
    # Of 255. A product may be rounded once less; OpenVINO's own operation differs by twice as much.
    np.testing.assert_allclose(result.transpose(0, 2, 3, 1), expected, rtol=0, atol=1e-3)


def test_what_is_resized_in_another_way_stays():
    from openvino import opset13 as op

    sides = op.constant(np.int64([30, 20]))
    floats, pixels = op.parameter([-1, -1, -1, 3], np.float32), op.parameter([-1, -1, -1, 3], np.uint8)
    for one in (
        interpolated(floats, sides),
        interpolated(pixels, sides, coordinate_transformation_mode="half_pixel"),
        interpolated(op.parameter([-1, -1, -1, -1], np.uint8), sides),
    ):
        assert [other.get_node().get_friendly_name() for other in openvino_resize.resized(one)] == [
            one.get_friendly_name()
        ]
