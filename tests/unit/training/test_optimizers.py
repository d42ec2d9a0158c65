import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format

from boxwright import protos
from boxwright.core.errors import UserError
from boxwright.training import optimizers

CONSTANT = "learning_rate { constant_learning_rate { learning_rate: 0.1 } }"


def build(text: str, start: list[float] = (1.0, -2.0)) -> tuple[optimizers.Optimizer, tf.Variable]:
    variable = tf.Variable(list(start), name="net/weights")
    config = text_format.Parse(text, protos.Optimizer())
    return optimizers.Optimizer(config, {"net/weights": variable}), variable


def apply(optimizer: optimizers.Optimizer, gradient: list[float], rate: float = 0.1) -> None:
    optimizer.apply({"net/weights": tf.constant(gradient)}, tf.constant(rate))


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


def test_an_optimizer_must_be_chosen():
    with pytest.raises(UserError, match="optimizer is empty"):
        build("use_moving_average: false")


NAMES = ["Feature/conv/weights", "Feature/conv/BatchNorm/beta", "Box/weights", "Box/biases"]


def trained(text: str) -> list[str]:
    return optimizers.trained(NAMES, text_format.Parse(text, protos.TrainConfig()))


def test_which_variables_are_trained():
    assert trained("") == NAMES
    assert trained('update_trainable_variables: "^Box/"') == ["Box/weights", "Box/biases"]
    assert trained('freeze_variables: "BatchNorm" freeze_variables: "biases$"') == [
        "Feature/conv/weights",
        "Box/weights",
    ]
    assert trained('update_trainable_variables: "^Box/" freeze_variables: "biases"') == ["Box/weights"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('freeze_variables: "Boks"', "Boks"),
        ('freeze_variables: "("', "regular expression"),
        ('update_trainable_variables: "Box" freeze_variables: "."', "no variable to train"),
    ],
)
def test_patterns_that_cannot_be_meant_are_named(text, named):
    with pytest.raises(UserError, match=named):
        trained(text)


def test_bias_gradients_are_multiplied():
    gradients = {"a/weights": tf.constant([1.0]), "a/biases": tf.constant([1.0]), "a/biases_of": tf.constant([1.0])}
    doubled = optimizers.multiply_bias_gradients(gradients, 2.0)
    assert {name: value.numpy()[0] for name, value in doubled.items()} == {
        "a/weights": 1,
        "a/biases": 2,
        "a/biases_of": 1,
    }
    assert optimizers.multiply_bias_gradients(gradients, 0.0)["a/biases"].numpy() == [1.0]


def test_clipping_scales_all_gradients_by_one_factor():
    gradients = {"a": tf.constant([3.0]), "b": tf.constant([4.0])}
    clipped, norm = optimizers.clip_by_global_norm(gradients, 1.0)
    assert norm.numpy() == pytest.approx(5)
    assert [clipped["a"].numpy()[0], clipped["b"].numpy()[0]] == pytest.approx([0.6, 0.8])
    kept, _ = optimizers.clip_by_global_norm(gradients, 10.0)
    np.testing.assert_allclose(kept["b"], [4.0])
    free, norm = optimizers.clip_by_global_norm(gradients, 0.0)
    assert free["a"] is gradients["a"]
    assert norm.numpy() == pytest.approx(5)
