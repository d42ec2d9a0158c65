"""The loss scale of float16."""

import pytest
import tensorflow as tf

from boxwright.training import loss_scale
from boxwright.training.loss_scale import GOOD_STEPS, VALUE, LossScale


def step(scale: LossScale, norm: float) -> tuple[float, bool]:
    """The norm that is reported, and whether the update ran, in a graph as in training."""
    ran = tf.Variable(0.0)
    reported = tf.function(lambda: scale.step(tf.constant(norm), lambda: ran.assign(1.0)), autograph=False)()
    return float(reported), bool(ran.numpy())


def test_an_overflow_leaves_the_step_out_and_halves_the_scale():
    scale = LossScale("dynamic")
    assert step(scale, 3.0) == (3.0, True)
    assert scale.state[GOOD_STEPS].numpy() == 1
    assert step(scale, float("inf")) == (0.0, False)
    assert (scale.state[VALUE].numpy(), scale.state[GOOD_STEPS].numpy()) == (loss_scale.START / 2, 0)


def test_many_good_steps_double_the_scale():
    scale = LossScale("dynamic")
    scale.state[GOOD_STEPS].assign(loss_scale.STEPS_TO_DOUBLE - 1)
    step(scale, 3.0)
    assert (scale.state[VALUE].numpy(), scale.state[GOOD_STEPS].numpy()) == (loss_scale.START * 2, 0)


def test_an_overflow_that_no_scale_mends_is_reported():
    scale = LossScale("dynamic")
    scale.state[VALUE].assign(1.0)
    assert step(scale, float("inf")) == (float("inf"), False)


def test_a_fixed_scale_stays_and_has_no_state():
    scale = LossScale(128)
    assert step(scale, float("inf")) == (float("inf"), True)
    assert scale.state == {}
    assert scale.unscaled({"w": tf.constant(256.0)})["w"].numpy() == pytest.approx(2.0)
