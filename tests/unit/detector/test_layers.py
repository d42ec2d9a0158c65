"""Layers: variables and their first values, convolutions, batch norm in its three modes, penalties."""

import numpy as np
import pytest
import tensorflow as tf

from boxwright.detector import initializers, layers
from boxwright.detector.hyperparams import BatchNorm, Hyperparams, Regularizer

NORMAL = initializers.random_normal(stddev=0.5)
NORMED = Hyperparams(activation=None, initializer=NORMAL, batch_norm=BatchNorm(decay=0.9, scale=True, epsilon=0.01))


def noise(*shape: int) -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).standard_normal(shape), tf.float32)


@pytest.mark.parametrize("kind", [tf.float32, tf.bfloat16])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [(7, 8), (1, 2), (6, 6)])
def test_subsampling_is_a_slice_with_strides(kind, stride, size):
    x = tf.cast(noise(2, *size, 5), kind)

    def found(function) -> list[tf.Tensor]:
        def both(x: tf.Tensor) -> list[tf.Tensor]:
            y = function(x)
            return [y, *tf.gradients(y, x, y)]

        return tf.function(both)(x)

    wanted = found(lambda x: x[:, ::stride, ::stride])
    for one, other in zip(found(lambda x: layers.subsampled(x, stride)), wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def test_first_values_depend_on_seed_and_name_alone():
    def value(seed: int, *names: str) -> np.ndarray:
        variables = layers.Variables(seed)
        for name in names:
            variables.add(name, (3, 3), NORMAL)
        return variables.by_name["b"].numpy()

    np.testing.assert_array_equal(value(1, "a", "b"), value(1, "b", "c"))
    assert (value(1, "b") != value(2, "b")).all()


def test_a_name_is_given_once():
    variables = layers.Variables()
    variables.add("a", (1,), NORMAL)
    with pytest.raises(ValueError, match="twice"):
        variables.add("a", (1,), NORMAL)


def test_initializers_have_the_spread_they_promise():
    random = initializers.generator(0, "x")
    truncated = initializers.truncated_normal(1.0, 0.5)((100, 100), random)
    assert np.abs(truncated - 1).max() <= 1.0
    assert truncated.std() == pytest.approx(0.5 * 0.88, rel=0.02)  # what truncation at two deviations leaves
    # He: the variance after truncation is factor / fan_in = 2 / (3 * 3 * 16).
    he = initializers.variance_scaling()((3, 3, 16, 400), random)
    assert he.std() == pytest.approx((2 / 144) ** 0.5, rel=0.02)
    glorot = initializers.GLOROT_UNIFORM((300, 500), random)
    assert np.abs(glorot).max() <= (6 / 800) ** 0.5 == pytest.approx(np.abs(glorot).max(), rel=0.01)


def test_names_and_shapes_of_variables():
    variables = layers.Variables()
    layers.Convolution(variables, "full", 3, 8, NORMED)
    layers.DepthwiseConvolution(variables, "deep", 8, NORMED.head())
    layers.FullyConnected(variables, "flat", 4, 2, NORMED)
    shapes = {name: tuple(variable.shape) for name, variable in variables.by_name.items()}
    assert shapes == {
        "full/weights": (3, 3, 3, 8),
        "full/BatchNorm/gamma": (8,),
        "full/BatchNorm/beta": (8,),
        "full/BatchNorm/moving_mean": (8,),
        "full/BatchNorm/moving_variance": (8,),
        "deep/depthwise_weights": (3, 3, 8, 1),
        "deep/biases": (8,),
        "flat/weights": (4, 2),
        "flat/biases": (2,),
    }
    assert [name for name in shapes if name not in variables.trainable] == [
        "full/BatchNorm/moving_mean",
        "full/BatchNorm/moving_variance",
    ]


def test_a_convolution_by_hand():
    variables = layers.Variables()
    ones = Hyperparams(activation=tf.nn.relu, initializer=initializers.constant(1))
    layer = layers.Convolution(variables, "c", 1, 1, ones, stride=2, bias=-20.0)
    image = tf.reshape(tf.range(16.0), [1, 4, 4, 1])
    # "SAME" pads an even side at the end alone: the first window is rows and columns 0 to 2, whose sum is 45.
    np.testing.assert_array_equal(layer(image)[0, :, :, 0], [[45 - 20, 39 - 20], [66 - 20, 50 - 20]])
    explicit = layers.Convolution(variables, "e", 1, 1, ones, stride=2, padding="EXPLICIT")
    # Explicit padding pads one on each side: the first window is rows and columns 0 to 1, whose sum is 10.
    np.testing.assert_array_equal(explicit(image)[0, :, :, 0], [[10, 24], [51, 90]])


@pytest.mark.parametrize("kind", [layers.Convolution, layers.DepthwiseConvolution])
def test_dilation_reaches_as_far_as_it_should_and_has_gradients(kind):
    variables = layers.Variables()
    settings = Hyperparams(activation=None, initializer=initializers.constant(1))
    channels = (1, 1) if kind is layers.Convolution else (1,)
    layer = kind(variables, "d", *channels, settings, rate=2)
    point = tf.scatter_nd([[0, 3, 3, 0]], [1.0], [1, 7, 7, 1])
    with tf.GradientTape() as tape:
        tape.watch(point)
        y = layer(point)
        total = tf.reduce_sum(y)
    assert {tuple(index) for index in tf.where(y[0, :, :, 0] == 1).numpy()} == {
        (r, c) for r in (1, 3, 5) for c in (1, 3, 5)
    }
    assert tape.gradient(total, point)[0, 3, 3, 0] == 9


@pytest.mark.parametrize("kind", [layers.Convolution, layers.DepthwiseConvolution])
def test_folded_batch_norm_is_batch_norm_and_so_are_its_gradients(kind):
    variables = layers.Variables()
    channels = (4, 4) if kind is layers.Convolution else (4,)
    layer = kind(variables, "l", *channels, NORMED.with_batch_norm(train=False))
    for part in ("gamma", "beta", "moving_mean", "moving_variance"):
        variables.by_name[f"l/BatchNorm/{part}"].assign(tf.abs(noise(4)) + 0.1)
    x, trained = noise(2, 5, 5, 4), [variables.by_name[name] for name in variables.trainable]
    norm = layer.normalizer

    def unfolded() -> tf.Tensor:
        y = layer._convolve(x, layer.weights)
        return tf.nn.batch_normalization(y, norm.mean, norm.variance, norm.beta, norm.gamma, norm.epsilon)

    with tf.GradientTape(persistent=True) as tape:
        folded, plain = layer(x, training=True), unfolded()
        losses = [tf.reduce_sum(y**2) for y in (folded, plain)]
    np.testing.assert_allclose(folded, plain, atol=1e-5)
    for ours, theirs in zip(*(tape.gradient(loss, trained) for loss in losses), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(layer(x), folded)  # frozen: the same in training and in inference


def test_training_batch_norm_normalises_by_the_batch_and_moves_the_averages():
    variables = layers.Variables()
    layer = layers.Convolution(variables, "l", 2, 3, NORMED, kernel=1)
    x = noise(2, 2, 2, 2)
    y = layer(x, training=True)
    raw = tf.reshape(tf.nn.conv2d(x, layer.weights, 1, "SAME"), [8, 3]).numpy()
    expected = (raw - raw.mean(0)) / np.sqrt(raw.var(0) + 0.01)
    np.testing.assert_allclose(tf.reshape(y, [8, 3]), expected, atol=1e-5)
    np.testing.assert_allclose(layer.normalizer.mean, 0.1 * raw.mean(0), atol=1e-6)
    np.testing.assert_allclose(layer.normalizer.variance, 0.9 + 0.1 * raw.var(0, ddof=1), atol=1e-6)


def test_batch_norm_without_scale_and_center_has_no_such_variables():
    variables = layers.Variables()
    settings = Hyperparams(activation=None, initializer=NORMAL, batch_norm=BatchNorm(center=False, scale=False))
    layer = layers.Convolution(variables, "l", 2, 3, settings)
    assert "l/BatchNorm/gamma" not in variables.by_name
    assert "l/BatchNorm/beta" not in variables.by_name
    x = noise(2, 4, 4, 2)
    np.testing.assert_allclose(
        layer(x, training=True), layer.normalizer.by_batch(tf.nn.conv2d(x, layer.weights, 1, "SAME")), atol=1e-6
    )
    assert layer(x).shape == (2, 4, 4, 3)


def test_penalties():
    variables = layers.Variables()
    assert variables.regularization_loss() == 0
    variables.add("a", (2,), initializers.constant(-3), regularizer=Regularizer("l1", 0.5))
    variables.add("b", (2,), initializers.constant(-3), regularizer=Regularizer("l2", 0.5))
    assert variables.regularization_loss() == 0.5 * 6 + 0.5 * 18 / 2


def test_dropout_is_a_function_of_its_seed():
    x = tf.ones([1000])
    kept = layers.dropout(x, 0.8, tf.constant([1, 2]))
    np.testing.assert_array_equal(kept, layers.dropout(x, 0.8, tf.constant([1, 2])))
    assert set(np.unique(kept)) == {0.0, np.float32(1.25)}
    assert np.count_nonzero(kept) == pytest.approx(800, abs=50)


@pytest.mark.parametrize("training", [False, True])
def test_a_bias_before_batch_norm(training):
    """A bias moves the mean as it moves the values: it counts in inference alone."""
    variables = layers.Variables()
    settings = Hyperparams(None, NORMAL, batch_norm=BatchNorm(center=False, epsilon=0.25), bias=True)
    layer = layers.Convolution(variables, "a", 2, 3, settings, kernel=1)
    assert set(variables.trainable) == {"a/weights", "a/biases"}
    layer.biases.assign([1.0, 2.0, 3.0])
    variables.by_name["a/BatchNorm/moving_mean"].assign([0.5, 0.5, 0.5])
    variables.by_name["a/BatchNorm/moving_variance"].assign([0.75, 3.75, 0.0])
    x = noise(2, 4, 4, 2)
    y = tf.einsum("bhwi,io->bhwo", x, layer.weights[0, 0])
    if training:
        mean, variance = tf.nn.moments(y, [0, 1, 2])
        expected = (y - mean) / tf.sqrt(variance + 0.25)
    else:
        expected = tf.add(y, [0.5, 1.5, 2.5]) / [1.0, 2.0, 0.5]
    np.testing.assert_allclose(layer(x, training), expected, rtol=1e-4, atol=1e-5)
