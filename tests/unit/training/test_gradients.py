"""Gradients of a training step."""

import numpy as np
import pytest
import tensorflow as tf

from boxwright.training.gradients import (
    clip_by_global_norm,
    fast_convolutions,
    multiply_bias_gradients,
    pairwise_gradients,
)


def test_gradients_have_the_device_of_their_replica():
    """A variable that is used more than once, as any with a penalty: workers refuse to exchange what has no device."""
    variable = tf.Variable(tf.ones([2]))

    @tf.function
    def places() -> tf.Tensor:
        with tf.device("CPU:0"):
            goal = tf.reduce_sum(variable * variable) + tf.reduce_sum(tf.sin(variable))
            gradient = pairwise_gradients(goal, {"used": variable})["used"]
        assert gradient.device.endswith("CPU:0")
        return gradient

    assert places().numpy() == pytest.approx(2 + tf.cos(1.0).numpy())


@pytest.mark.parametrize(
    ("kernel", "stride", "padding"), [(1, 1, "SAME"), (1, 2, "VALID"), (3, 1, "SAME"), (3, 2, "VALID")]
)
def test_products_give_the_gradients_of_convolutions(kernel, stride, padding):
    random = np.random.default_rng(0)
    x = tf.Variable(random.normal(size=[2, 7, 5, 6]), dtype=tf.float32)
    filters = tf.Variable(random.normal(size=[kernel, kernel, 6, 4]), dtype=tf.float32)

    def gradients() -> dict[str, tf.Tensor]:
        goal = tf.reduce_sum(tf.nn.conv2d(x, filters, stride, padding) ** 2)
        return pairwise_gradients(goal, {"x": x, "filters": filters})

    @tf.function
    def by_product() -> dict[str, tf.Tensor]:
        with fast_convolutions():
            return gradients()

    usual = tf.function(gradients)()
    for name, gradient in by_product().items():
        np.testing.assert_allclose(gradient, usual[name], rtol=1e-5, atol=1e-4)
    operations = {op.type for op in by_product.get_concrete_function().graph.get_operations()}
    of_convolutions, pointwise = {"Conv2DBackpropInput", "Conv2DBackpropFilter"}, kernel == stride == 1
    assert ("MatMul" in operations) == pointwise
    assert operations & of_convolutions == (set() if pointwise else of_convolutions)


@pytest.mark.parametrize(
    ("kernel", "stride", "padding"),
    [((3, 3), 1, "SAME"), ((3, 3), 2, "SAME"), ((3, 3), 2, "VALID"), ((1, 5), 1, "SAME"), ((1, 1), 2, "SAME")],
)
@pytest.mark.parametrize("known", [True, False], ids=["of known size", "of unknown size"])
def test_rounded_filters_of_many_channels_get_their_gradients_place_by_place(kernel, stride, padding, known):
    random = np.random.default_rng(0)
    x = tf.constant(random.normal(size=[2, 7, 6, 256]), tf.bfloat16)
    filters = tf.constant(random.normal(size=[*kernel, 256, 256]), tf.bfloat16)

    def gradient(x: tf.Tensor) -> tf.Tensor:
        y = tf.nn.conv2d(x, filters, stride, padding)
        return tf.gradients(y, filters, tf.ones_like(y) * tf.cast(tf.range(256) % 5, tf.bfloat16))[0]

    @tf.function(input_signature=[tf.TensorSpec(x.shape if known else [None, None, None, 256], tf.bfloat16)])
    def by_place(x: tf.Tensor) -> tf.Tensor:
        with fast_convolutions():
            return gradient(x)

    found, usual = (np.float32(one) for one in (by_place(x), tf.function(gradient)(x)))
    np.testing.assert_allclose(found / usual.std(), usual / usual.std(), rtol=2**-7, atol=2**-7)
    operations = [op.type for op in by_place.get_concrete_function().graph.get_operations()]
    assert operations.count("MatMul") == np.prod(kernel) and "Conv2DBackpropFilter" not in operations


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "size"),
    [
        ((5, 5), 1, "SAME", (9, 8)),
        ((5, 5), 2, "SAME", (9, 8)),
        ((5, 7), 1, "VALID", (9, 8)),
        ((5, 5), 2, "VALID", (10, 12)),
        ((5, 4), 1, "SAME", (2, 1)),
        ((5, 3), 1, "SAME", (6, 6)),
    ],
)
@pytest.mark.parametrize("known", [True, False], ids=["of known size", "of unknown size"])
def test_strips_give_the_gradients_of_depthwise_convolutions(kernel, stride, padding, size, known):
    random = np.random.default_rng(0)
    x = tf.constant(random.normal(size=[2, *size, 16]), tf.float32)
    filters = tf.constant(random.normal(size=[*kernel, 16, 1]), tf.float32)

    def gradients(x: tf.Tensor) -> list[tf.Tensor]:
        y = tf.nn.depthwise_conv2d(x, filters, [1, stride, stride, 1], padding)
        return tf.gradients(tf.reduce_sum(y**2), [x, filters])

    spec = tf.TensorSpec(x.shape if known else [None, None, None, 16])

    @tf.function(input_signature=[spec])
    def in_strips(x: tf.Tensor) -> list[tf.Tensor]:
        with fast_convolutions():
            return gradients(x)

    for gradient, usual in zip(in_strips(x), tf.function(gradients)(x), strict=True):
        np.testing.assert_allclose(gradient, usual, rtol=1e-5, atol=1e-4)
    operations = [op.type for op in in_strips.get_concrete_function().graph.get_operations()]
    strips = operations.count("DepthwiseConv2dNativeBackpropFilter")
    assert strips == -(-kernel[1] // 3)


def test_rounded_biases_get_their_gradients_in_one_sum():
    """TensorFlow's own sum of 45,000 rounded numbers is off by 100 times their standard deviation."""
    upstream = np.random.default_rng(0).normal(size=[8, 75, 75, 24])

    def gradient(kind: tf.DType) -> tuple[np.ndarray, set[str]]:
        @tf.function(input_signature=[tf.TensorSpec([8, None, None, 24], kind)])
        def of_biases(upstream: tf.Tensor) -> tf.Tensor:
            with fast_convolutions():
                biases = tf.zeros([24], kind)
                return tf.gradients(tf.nn.bias_add(tf.zeros_like(upstream), biases), biases, upstream)[0]

        operations = {op.type for op in of_biases.get_concrete_function().graph.get_operations()}
        return np.float64(of_biases(tf.constant(upstream, kind))), operations

    found, operations = gradient(tf.bfloat16)
    wanted = np.float64(tf.constant(upstream, tf.bfloat16)).sum((0, 1, 2))
    np.testing.assert_allclose(found, wanted, rtol=2**-8)
    assert "BiasAddGrad" not in operations
    found, operations = gradient(tf.float32)
    np.testing.assert_allclose(found, upstream.sum((0, 1, 2)), rtol=1e-4, atol=1e-2)
    assert "MatMul" not in operations


@pytest.mark.parametrize(("stride", "kind"), [(1, tf.bfloat16), (2, tf.float32)])
def test_rounded_depthwise_convolutions_with_a_stride_get_the_gradient_of_their_input_in_float32(stride, kind):
    random = np.random.default_rng(0)
    x, filters = (random.normal(size=size) for size in ([2, 9, 8, 16], [3, 3, 16, 1]))

    @tf.function
    def gradients(x: tf.Tensor, filters: tf.Tensor) -> list[tf.Tensor]:
        with fast_convolutions():
            y = tf.nn.depthwise_conv2d(x, filters, [1, stride, stride, 1], "SAME")
            return tf.gradients(tf.reduce_sum(tf.cast(y, tf.float32) ** 2), [x, filters])

    rounded = [tf.constant(one, tf.bfloat16) for one in (x, filters)]
    wanted = gradients(*(tf.cast(one, tf.float32) for one in rounded))
    for found, usual in zip(gradients(*rounded), wanted, strict=True):
        assert found.dtype == tf.bfloat16
        scale = np.std(usual)
        np.testing.assert_allclose(np.float32(found) / scale, usual / scale, rtol=0.02, atol=0.02)
    graph = gradients.get_concrete_function(*rounded).graph
    (of_x,) = (op for op in graph.get_operations() if op.type == "DepthwiseConv2dNativeBackpropInput")
    assert of_x.outputs[0].dtype == kind


def test_gpus_keep_the_gradients_of_convolutions(monkeypatch):
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [kind])

    @tf.function
    def of_filters() -> tf.Tensor:
        with fast_convolutions():
            filters = tf.ones([1, 1, 2, 2])
            return tf.gradients(tf.nn.conv2d(tf.ones([1, 3, 3, 2]), filters, 1, "SAME"), filters)[0]

    operations = {op.type for op in of_filters.get_concrete_function().graph.get_operations()}
    assert "Conv2DBackpropFilter" in operations
    np.testing.assert_array_equal(of_filters(), np.full([1, 1, 2, 2], 9))


def test_bias_gradients_are_multiplied():
    gradients = {"a/weights": tf.constant([1.0]), "a/biases": tf.constant([1.0]), "a/biases_of": tf.constant([1.0])}
    doubled = multiply_bias_gradients(gradients, 2.0)
    assert {name: value.numpy()[0] for name, value in doubled.items()} == {
        "a/weights": 1,
        "a/biases": 2,
        "a/biases_of": 1,
    }
    assert multiply_bias_gradients(gradients, 0.0)["a/biases"].numpy() == [1.0]


def test_clipping_scales_all_gradients_by_one_factor():
    gradients = {"a": tf.constant([3.0]), "b": tf.constant([4.0])}
    clipped, norm = clip_by_global_norm(gradients, 1.0)
    assert norm.numpy() == pytest.approx(5)
    assert [clipped["a"].numpy()[0], clipped["b"].numpy()[0]] == pytest.approx([0.6, 0.8])
    kept, _ = clip_by_global_norm(gradients, 10.0)
    np.testing.assert_allclose(kept["b"], [4.0])
    free, norm = clip_by_global_norm(gradients, 0.0)
    assert free["a"] is gradients["a"]
    assert norm.numpy() == pytest.approx(5)
