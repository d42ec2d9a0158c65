"""The types that a network computes in: rounded products on a CPU, and where they are not rounded."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from boxwright.catalog.extractors import EXTRACTORS
from boxwright.detector import precision
from boxwright.detector.build import build
from boxwright.detector.hyperparams import Hyperparams
from boxwright.detector.layers import Convolution, FullyConnected, Variables
from boxwright.detector.precision import FLOAT32, Precision
from boxwright.pipeline import text
from boxwright.training.gradients import fast_convolutions, pairwise_gradients

ROUNDED = precision.of("bfloat16", gpu=False)


def noise(*shape: int) -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).standard_normal(shape), tf.float32)


def convolved(kind: Precision, x: tf.Tensor, filters: tf.Tensor, stride: int, padding: str, unknown: bool = False):
    """Result, gradients of both factors for a sum of squares, and the operations of the graph by type."""
    shape = [x.shape[0], None, None, x.shape[3]] if unknown else x.shape

    @tf.function(input_signature=[tf.TensorSpec(shape), tf.TensorSpec(filters.shape)], autograph=False)
    def of(x: tf.Tensor, filters: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        with fast_convolutions():
            y = kind.convolution(x, filters, stride, padding)
            return y, pairwise_gradients(tf.reduce_sum(y * y), {"x": x, "filters": filters})

    operations: dict[str, list[tf.Operation]] = {}
    for operation in of.get_concrete_function().graph.get_operations():
        operations.setdefault(operation.type, []).append(operation)
    y, gradients = of(x, filters)
    return y.numpy(), {name: value.numpy() for name, value in gradients.items()}, operations


def test_what_a_setting_means():
    assert precision.of("float32", gpu=True) == precision.of("float32", gpu=False) == FLOAT32
    assert precision.of("bfloat16", gpu=True) == Precision(tf.bfloat16, tf.bfloat16, gpu=True)
    assert Precision(tf.float32, tf.bfloat16) == ROUNDED
    assert precision.of("float16", gpu=True) == Precision(tf.float16, tf.float16, gpu=True)
    assert precision.of("float16", gpu=False) == FLOAT32


@pytest.mark.parametrize(
    ("kernel", "stride", "padding"), [(1, 1, "SAME"), (1, 2, "SAME"), (3, 1, "SAME"), (3, 2, "SAME"), (3, 1, "VALID")]
)
def test_factors_are_rounded_and_sums_are_not(kernel, stride, padding):
    x, filters = noise(2, 9, 7, 256), noise(kernel, kernel, 256, 256) / (16 * kernel)
    whole, gradients, operations = convolved(FLOAT32, x, filters, stride, padding)
    assert "Cast" not in operations
    rounded, of_rounded, operations = convolved(ROUNDED, x, filters, stride, padding)
    (forward,) = operations["Conv2D"]
    assert forward.outputs[0].dtype == tf.bfloat16 and rounded.dtype == np.float32
    # A factor is off by at most 2**-9 of its size, and so is a result; errors of a sum are of both signs.
    near = {"rtol": 2**-6, "atol": 2**-6}
    assert np.abs(rounded - whole).max() > 0
    np.testing.assert_allclose(rounded, whole, **near)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(of_rounded[name] / gradient.std(), gradient / gradient.std(), rtol=0.02, atol=0.05)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 2), (2, 2)])
def test_a_kernel_larger_than_its_map_stays_float32(size):
    """TensorFlow's bfloat16 kernels for CPUs leave its gradient undefined."""
    x, filters = noise(2, *size, 32), noise(3, 3, 32, 32)
    y, gradients, operations = convolved(ROUNDED, x, filters, 2, "SAME")
    assert "Cast" not in operations
    whole, wanted, _ = convolved(FLOAT32, x, filters, 2, "SAME")
    np.testing.assert_array_equal(y, whole)
    for name in wanted:
        np.testing.assert_array_equal(gradients[name], wanted[name])
    _, _, operations = convolved(ROUNDED.between_layers_too(), x, filters, 2, "SAME")
    for operation in (*operations["Conv2D"], *operations["Conv2DBackpropFilter"]):
        assert operation.outputs[0].dtype == tf.float32


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (8, 2), (7, 8)])
def test_no_map_of_unknown_size_is_too_small(kernel, stride, size):
    x, filters = noise(2, *size, 32), noise(kernel, kernel, 32, 32) / 16
    y, gradients, operations = convolved(ROUNDED, x, filters, stride, "SAME", unknown=True)
    assert all(each.get_attr("padding") == b"VALID" for each in operations["Conv2D"])
    whole, wanted, _ = convolved(FLOAT32, x, filters, stride, "SAME")
    np.testing.assert_allclose(y, whole, rtol=2**-6, atol=2**-5)
    for name, gradient in wanted.items():
        scale = max(gradient.std(), 1e-3)
        np.testing.assert_allclose(gradients[name] / scale, gradient / scale, rtol=0.03, atol=0.1)


def test_a_map_of_unknown_size_that_is_padded_already_is_rounded():
    """As the first convolution of a ResNet in a detector that keeps the aspect ratio."""
    x, filters = noise(2, 15, 21, 3), noise(7, 7, 3, 64) / 16
    y, gradients, operations = convolved(ROUNDED, x, filters, 2, "VALID", unknown=True)
    assert [each.inputs[0].dtype for each in operations["Conv2D"]] == [tf.bfloat16]
    whole, wanted, _ = convolved(FLOAT32, x, filters, 2, "VALID")
    np.testing.assert_allclose(y, whole, rtol=2**-6, atol=2**-5)
    for name, gradient in wanted.items():
        np.testing.assert_allclose(gradients[name] / gradient.std(), gradient / gradient.std(), rtol=0.03, atol=0.1)


@pytest.mark.parametrize(
    ("kernel", "stride", "channels", "depth", "rounds"),
    [
        (1, 1, 64, 64, True),
        (1, 1, 32, 64, False),  # 21 multiplications for each number
        (1, 1, 24, 144, False),
        (3, 1, 8, 8, True),
        (3, 2, 8, 8, False),  # 14: four numbers of the input for one place of the output
        (3, 2, 3, 32, False),
    ],
)
def test_what_has_little_work_for_each_number_is_not_rounded(kernel, stride, channels, depth, rounds):
    _, _, operations = convolved(
        ROUNDED, noise(1, 8, 8, channels), noise(kernel, kernel, channels, depth), stride, "SAME"
    )
    assert ("Cast" in operations) == rounds


def test_no_rounded_copy_is_kept_for_the_gradient():
    """The kernel's gradient rounds its input again instead of keeping what the convolution had."""
    _, _, operations = convolved(ROUNDED, noise(1, 5, 5, 8), noise(3, 3, 8, 8), 1, "SAME")
    (forward,), (of_filters,) = operations["Conv2D"], operations["Conv2DBackpropFilter"]
    ours, theirs = of_filters.inputs[0], forward.inputs[0]
    assert ours.op.type == theirs.op.type == "Cast" and ours is not theirs
    assert ours.op.inputs[0] is theirs.op.inputs[0]


def test_layers_compute_in_the_precision_of_their_registry():
    def outputs(kind: Precision) -> list[tf.Tensor]:
        variables = Variables(0, kind)
        settings = Hyperparams(activation=None)
        image = noise(1, 6, 6, 8)
        flat = FullyConnected(variables, "flat", 8, 8, settings)(image[0, 0])
        return [Convolution(variables, "full", 8, 8, settings)(image), flat]

    for whole, rounded in zip(outputs(FLOAT32), outputs(ROUNDED), strict=True):
        assert rounded.dtype == whole.dtype == tf.float32
        assert 0 < np.abs(rounded - whole).max() < 0.05
    on_gpu, _ = outputs(precision.of("bfloat16", gpu=True))
    assert on_gpu.dtype == tf.bfloat16


@pytest.mark.parametrize(("size", "kind"), [((3, 3), tf.bfloat16), ((3, 2), tf.float32), ((1, 9), tf.float32)])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_depthwise_kernel_larger_than_its_map_stays_float32(size, kind, stride):
    x, filters = noise(2, *size, 16), noise(3, 3, 16, 1)
    y = tf.function(ROUNDED.between_layers_too().depthwise_convolution).get_concrete_function(
        x, filters, stride, "SAME"
    )
    (convolution,) = (op for op in y.graph.get_operations() if op.type == "DepthwiseConv2dNative")
    assert convolution.outputs[0].dtype == kind and y.outputs[0].dtype == tf.bfloat16


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (8, 2), (7, 8)])
def test_no_map_of_unknown_size_is_too_small_for_a_depthwise_kernel(kernel, stride, size):
    x, filters = noise(2, *size, 16), noise(kernel, kernel, 16, 1)

    def found(kind: Precision, x: tf.Tensor) -> tuple[tf.Tensor, ...]:
        y = tf.cast(kind.depthwise_convolution(x, filters, stride, "SAME"), tf.float32)
        return y, *tf.gradients(tf.reduce_sum(y * y), [x, filters])

    @tf.function(input_signature=[tf.TensorSpec([2, None, None, 16])], autograph=False)
    def rounded(x: tf.Tensor) -> tuple[tf.Tensor, ...]:
        with fast_convolutions():
            return found(ROUNDED.between_layers_too(), x)

    for one, whole in zip(rounded(x), tf.function(found)(FLOAT32, x), strict=True):
        scale = np.std(whole)
        np.testing.assert_allclose(one / scale, whole / scale, rtol=0.02, atol=0.05)


@pytest.mark.parametrize("type_", ["ssd_mobilenet_v1", "ssd_mobilenet_v3_large"])
def test_features_are_rounded_where_the_catalogue_says_so_and_heads_are_not(type_):
    config = text.read(Path(__file__).parents[3] / "config/pipelines/ssd_mobilenet_v1.config")
    config.model.ssd.feature_extractor.type = type_
    detector = build(config.model, precision=ROUNDED)
    image = tf.zeros([1, 300, 300, 3])

    @tf.function(autograph=False)
    def maps_and_predictions() -> tuple:
        maps = detector.neck(detector.backbone(image, training=True), training=True)
        return maps, detector.head(maps, training=True, seed=tf.constant([0, 0]))

    traced = maps_and_predictions.get_concrete_function()
    maps, predictions = traced.structured_outputs
    kind = tf.bfloat16 if EXTRACTORS[type_].rounded_features else tf.float32
    assert {one.dtype for one in maps.values()} == {kind}
    assert {one.dtype for one in predictions} == {tf.float32}
    biases = [op for op in traced.graph.get_operations() if op.type == "BiasAdd" and "BoxPredictor" in op.name]
    assert biases and {op.outputs[0].dtype for op in biases} == {tf.float32}


def test_tensors_between_layers_are_rounded_on_a_cpu():
    assert ROUNDED.between_layers_too() == Precision(tf.bfloat16, tf.bfloat16)
    assert FLOAT32.between_layers_too() == FLOAT32
    on_gpu = precision.of("float16", gpu=True)
    assert on_gpu.between_layers_too() == on_gpu
    x, filters = noise(2, 9, 7, 64), noise(3, 3, 64, 64)
    y, gradients, _ = convolved(ROUNDED.between_layers_too(), x, filters, 1, "SAME")
    whole, wanted, _ = convolved(FLOAT32, x, filters, 1, "SAME")
    np.testing.assert_allclose(y / whole.std(), whole / whole.std(), rtol=2**-6, atol=2**-6)
    for name, gradient in gradients.items():
        scale = wanted[name].std()
        np.testing.assert_allclose(gradient / scale, wanted[name] / scale, rtol=0.02, atol=0.05)
