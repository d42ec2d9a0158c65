"""Adam (Kingma and Ba, arXiv 1412.6980), in the form of the end of section 2.

The step is lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + epsilon): epsilon is outside the correction of the moments.
"""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from boxwright.training import schedules
from boxwright.training.optimizers.optimizer import Decay, Optimizer

# Not in the schema: TensorFlow's defaults.
BETA1, BETA2 = 0.9, 0.999


def make(
    *,
    variables: Mapping[str, tf.Variable],
    learning_rate: Mapping[str, Any],
    epsilon: float,
    moving_average_decay: Decay | None = None,
) -> Optimizer:
    """The optimizer of `variables`, with the slots `Adam` and `Adam_1` (first and second moment).

    All variables share `beta1_power` and `beta2_power`. See `Optimizer`, and `schedules.make` for the rate.
    """

    def update(variable: tf.Variable, slots: Mapping[str, tf.Variable], gradient: tf.Tensor, rate: tf.Tensor) -> None:
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=slots["Adam"].handle,
            v=slots["Adam_1"].handle,
            beta1_power=slots["beta1_power"],
            beta2_power=slots["beta2_power"],
            lr=rate,
            beta1=BETA1,
            beta2=BETA2,
            epsilon=epsilon,
            grad=gradient,
        )

    return Optimizer(
        variables,
        schedules.make(learning_rate),
        update,
        slots={"Adam": 0.0, "Adam_1": 0.0},
        powers={"beta1_power": BETA1, "beta2_power": BETA2},
        moving_average_decay=moving_average_decay,
    )
