import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format

from boxwright import protos
from boxwright.training.optimizers.optimizer import Optimizer
from boxwright.training.segment import build_optimizer

CONSTANT = "learning_rate { constant_learning_rate { learning_rate: 0.1 } }"


def build(text: str, start: list[float] = (1.0, -2.0), keras: bool = False) -> tuple[Optimizer, tf.Variable]:
    variable = tf.Variable(list(start), name="net/weights")
    config = text_format.Parse(text, protos.Optimizer())
    return build_optimizer(config, {"net/weights": variable}, keras=keras), variable


def apply(optimizer: Optimizer, gradient: list[float], rate: float = 0.1, done: int = 0) -> None:
    optimizer.apply({"net/weights": tf.constant(gradient)}, tf.constant(rate), tf.constant(done))


def test_momentum_by_hand():
    optimizer, variable = build(
        f"momentum_optimizer {{ {CONSTANT} momentum_optimizer_value: 0.5 }} use_moving_average: false"
    )
    apply(optimizer, [1.0, 2.0])
    np.testing.assert_allclose(variable, [0.9, -2.2], rtol=1e-6)
    # The rate is outside the accumulator: a changed rate acts on the whole of it.
    apply(optimizer, [1.0, 2.0], rate=0.2)
    np.testing.assert_allclose(variable, [0.9 - 0.2 * 1.5, -2.2 - 0.2 * 3.0], rtol=1e-6)
    assert list(optimizer.state) == ["net/weights/Momentum"]


def test_momentum_of_keras_keeps_the_rate_of_each_step():
    momentum = f"momentum_optimizer {{ {CONSTANT} momentum_optimizer_value: 0.5 }} use_moving_average: false"
    optimizer, variable = build(momentum, keras=True)
    theirs = tf.Variable([1.0, -2.0])
    keras = tf.keras.optimizers.SGD(momentum=0.5)
    for rate in (0.1, 0.2, 0.05, 0.0):
        apply(optimizer, [1.0, 2.0], rate=rate)
        keras.learning_rate = rate
        keras.apply_gradients([(tf.constant([1.0, 2.0]), theirs)])
        np.testing.assert_allclose(variable, theirs, rtol=1e-6)


def test_rms_prop_by_hand():
    optimizer, variable = build(
        f"rms_prop_optimizer {{ {CONSTANT} decay: 0.9 momentum_optimizer_value: 0.5 epsilon: 0.01 }} "
        "use_moving_average: false"
    )
    square, momentum, weights = np.ones(2), np.zeros(2), np.array([1.0, -2.0])
    for gradient in ([1.0, 2.0], [3.0, -1.0]):
        gradient = np.array(gradient)
        square = 0.9 * square + 0.1 * gradient**2
        momentum = 0.5 * momentum + 0.1 * gradient / np.sqrt(square + 0.01)
        weights = weights - momentum
        apply(optimizer, gradient.astype(np.float32))
    np.testing.assert_allclose(variable, weights, rtol=1e-5)
    np.testing.assert_allclose(optimizer.state["net/weights/RMSProp"], square, rtol=1e-6)
    np.testing.assert_allclose(optimizer.state["net/weights/RMSProp_1"], momentum, rtol=1e-5)


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_rms_prop_of_keras_begins_with_a_mean_square_of_0(momentum):
    settings = f"decay: 0.8 momentum_optimizer_value: {momentum} epsilon: 1e-3"
    optimizer, variable = build(f"rms_prop_optimizer {{ {CONSTANT} {settings} }} use_moving_average: false", keras=True)
    theirs = tf.Variable([1.0, -2.0])
    keras = tf.keras.optimizers.RMSprop(rho=0.8, momentum=momentum, epsilon=1e-3)
    square = np.zeros(2)
    for rate, gradient in ((0.1, [1.0, 2.0]), (0.2, [3.0, -1.0]), (0.0, [0.5, 0.5]), (0.05, [1.0, 1.0])):
        apply(optimizer, gradient, rate=rate)
        keras.learning_rate = rate
        keras.apply_gradients([(tf.constant(gradient), theirs)])
        np.testing.assert_allclose(variable, theirs, rtol=1e-5)
        square = 0.8 * square + 0.2 * np.square(gradient)
        np.testing.assert_allclose(optimizer.state["net/weights/RMSProp"], square, rtol=1e-6)
    assert list(optimizer.state) == ["net/weights/RMSProp", "net/weights/RMSProp_1"]


def test_adam_by_hand_with_epsilon_outside_the_correction():
    optimizer, variable = build(f"adam_optimizer {{ {CONSTANT} epsilon: 0.1 }} use_moving_average: false")
    first, second, weights = np.zeros(2), np.zeros(2), np.array([1.0, -2.0])
    for t, gradient in enumerate(([1.0, 2.0], [3.0, -1.0], [0.5, 0.5]), start=1):
        gradient = np.array(gradient)
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        rate = 0.1 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        weights = weights - rate * first / (np.sqrt(second) + 0.1)
        apply(optimizer, gradient.astype(np.float32))
    np.testing.assert_allclose(variable, weights, rtol=1e-5)
    assert set(optimizer.state) == {"net/weights/Adam", "net/weights/Adam_1", "beta1_power", "beta2_power"}
    assert optimizer.state["beta1_power"].numpy() == pytest.approx(0.9**4)


def test_moving_average_follows_the_updated_weights():
    optimizer, variable = build(
        f"momentum_optimizer {{ {CONSTANT} momentum_optimizer_value: 0 }} moving_average_decay: 0.75"
    )
    average = optimizer.state["net/weights/ExponentialMovingAverage"]
    np.testing.assert_array_equal(average, variable)
    apply(optimizer, [1.0, 0.0])
    np.testing.assert_allclose(average, [0.75 * 1.0 + 0.25 * 0.9, -2.0], rtol=1e-6)


def test_the_decay_of_moving_averages_grows_in_tf2_models():
    momentum = f"momentum_optimizer {{ {CONSTANT} momentum_optimizer_value: 0 }} moving_average_decay: 0.75"
    optimizer, variable = build(momentum, keras=True)
    average, wanted = optimizer.state["net/weights/ExponentialMovingAverage"], 1.0
    for done, decay in ((0, 2 / 11), (1, 3 / 12), (2, 4 / 13), (25, 27 / 36), (1000, 0.75)):
        apply(optimizer, [1.0, 0.0], done=done)
        wanted = decay * wanted + (1 - decay) * variable[0].numpy()
        np.testing.assert_allclose(average, [wanted, -2.0], rtol=1e-6)
