"""Stochastic gradient descent with momentum: a <- m a + g; w <- w - lr a.

The rate is outside the accumulator, so a new rate also applies to past gradients. Keras, which trains the OD API's TF2
models, has it inside: a <- m a - lr g; w <- w + a.
"""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from boxwright.training import schedules
from boxwright.training.optimizers.optimizer import Decay, Optimizer


def make(
    *,
    variables: Mapping[str, tf.Variable],
    learning_rate: Mapping[str, Any],
    momentum_optimizer_value: float,
    keras: bool = False,
    moving_average_decay: Decay | None = None,
) -> Optimizer:
    """The optimizer of `variables`, with the slot `Momentum`; see `Optimizer`, and `schedules.make` for the rate.

    keras: whether it is that of a TF2 model.
    """
    apply = tf.raw_ops.ResourceApplyKerasMomentum if keras else tf.raw_ops.ResourceApplyMomentum

    def update(variable: tf.Variable, slots: Mapping[str, tf.Variable], gradient: tf.Tensor, rate: tf.Tensor) -> None:
        apply(
            var=variable.handle,
            accum=slots["Momentum"].handle,
            lr=rate,
            grad=gradient,
            momentum=momentum_optimizer_value,
        )

    return Optimizer(
        variables,
        schedules.make(learning_rate),
        update,
        slots={"Momentum": 0.0},
        moving_average_decay=moving_average_decay,
    )
