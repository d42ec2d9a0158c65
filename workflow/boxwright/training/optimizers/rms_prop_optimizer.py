"""RMSProp with momentum: s <- d s + (1 - d) g^2; a <- m a + lr g / sqrt(s + epsilon); w <- w - a.

Epsilon is inside the root. The mean square s begins at 1 in TensorFlow 1, and at 0 in Keras, which trains the OD API's
TF2 models: their first steps are up to 1 / sqrt(1 - d) times as long as the rate, however small the gradients are.
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
    decay: float,
    epsilon: float,
    keras: bool = False,
    moving_average_decay: Decay | None = None,
) -> Optimizer:
    """The optimizer of `variables`, with the slots `RMSProp` (mean square) and `RMSProp_1` (momentum).

    See `Optimizer`, and `schedules.make` for the rate. keras: whether it is that of a TF2 model.
    """

    def update(variable: tf.Variable, slots: Mapping[str, tf.Variable], gradient: tf.Tensor, rate: tf.Tensor) -> None:
        tf.raw_ops.ResourceApplyRMSProp(
            var=variable.handle,
            ms=slots["RMSProp"].handle,
            mom=slots["RMSProp_1"].handle,
            lr=rate,
            rho=decay,
            momentum=momentum_optimizer_value,
            epsilon=epsilon,
            grad=gradient,
        )

    return Optimizer(
        variables,
        schedules.make(learning_rate),
        update,
        slots={"RMSProp": 0.0 if keras else 1.0, "RMSProp_1": 0.0},
        moving_average_decay=moving_average_decay,
    )
