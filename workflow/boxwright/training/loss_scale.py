"""Loss scaling for float16, whose smallest numbers are larger than many gradients.

The loss is multiplied by a scale before gradients are computed, and the gradients are divided by it afterwards
(Micikevicius et al. 2018, https://arxiv.org/abs/1710.03740, section 3.2). If a gradient overflows, the dynamic scale is
halved and the step skipped; after many steps without overflow the scale is doubled.
"""

from collections.abc import Callable, Mapping

import tensorflow as tf

from boxwright.devices import replicas

START = 2.0**15
STEPS_TO_DOUBLE = 2000
# An overflow at this scale is the model's own: the gradient is reported as it is, and training stops.
SMALLEST = 1.0

VALUE, GOOD_STEPS = "loss_scale", "loss_scale_good_steps"


class LossScale:
    """The scale and its updates; `state` holds its variables by checkpoint name, none if the scale is fixed."""

    def __init__(self, setting: str | float):
        self.dynamic = setting == "dynamic"
        self.state: dict[str, tf.Variable] = {}
        self._fixed = None if self.dynamic else float(setting)
        if self.dynamic:
            self.state[VALUE] = tf.Variable(START, trainable=False, name=VALUE)
            self.state[GOOD_STEPS] = tf.Variable(0.0, trainable=False, name=GOOD_STEPS)

    @property
    def value(self) -> tf.Tensor:
        """The current scale, float32 scalar."""
        return tf.constant(self._fixed) if self._fixed else tf.convert_to_tensor(self.state[VALUE])

    def unscaled(self, gradients: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """The gradients of the loss, from those of the scaled loss."""
        factor = 1 / self.value
        return {name: gradient * factor for name, gradient in gradients.items()}

    def step(self, norm: tf.Tensor, update: Callable[[], None]) -> tf.Tensor:
        """Run `update` unless the gradients' `norm` is not finite, which means an overflow, and update the scale.

        Returns the norm to report: 0 for a skipped step.
        """
        if not self.dynamic:
            update()
            return norm
        value, good = self.value, tf.convert_to_tensor(self.state[GOOD_STEPS])
        fits = tf.math.is_finite(norm)

        def run() -> tf.Tensor:
            update()
            return tf.ones([])

        tf.cond(fits, run, lambda: tf.zeros([]))
        double = fits & (good + 1 >= STEPS_TO_DOUBLE)
        replicas.assign(self.state[GOOD_STEPS], tf.where(fits & ~double, good + 1, 0.0))
        changed = tf.where(double, value * 2, tf.where(fits, value, tf.maximum(value / 2, SMALLEST)))
        replicas.assign(self.state[VALUE], changed)
        return tf.where(fits | (value <= SMALLEST), norm, 0.0)
