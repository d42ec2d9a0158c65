"""What all optimizers share: slots beside the variables, an update of each variable, and moving averages.

Slots are plain variables named as in the OD API's TensorFlow 1 checkpoints, `<variable>/<slot>`; the average of a
variable is `<variable>/ExponentialMovingAverage`. The updates are TensorFlow's own fused kernels, one per variable.
"""

from collections.abc import Callable, Mapping

import tensorflow as tf

from boxwright.devices import replicas
from boxwright.training.schedules import Schedule

AVERAGE = "ExponentialMovingAverage"

# Updates a variable and its slots in place by one step. Takes the variable, its slots and the powers by name, its
# gradient, and the learning rate (float32 scalar).
Update = Callable[[tf.Variable, Mapping[str, tf.Variable], tf.Tensor, tf.Tensor], object]

# The decay of moving averages in the step after so many (int32 scalar).
Decay = Callable[[tf.Tensor], float | tf.Tensor]


def decay_of_averages(most: float, *, keras: bool) -> Decay:
    """The decay `most` from the first step on; in TF2 models (`keras`) it grows to that, so that averages of a short
    training are not those of its first steps: step n, counted from 1, has (1 + n) / (10 + n) until then.
    """
    if not keras:
        return lambda done: most
    return lambda done: tf.minimum(most, (2.0 + tf.cast(done, tf.float32)) / (11.0 + tf.cast(done, tf.float32)))


class Optimizer:
    """Updates variables from gradients.

    variables: the variables to train by checkpoint name. schedule: global step -> learning rate. update: one variable's
    step. slots: the slots of a variable with their initial value, in TensorFlow 1's order of creation, which numbers
    their names. powers: scalars that all variables share; each begins at its number and is multiplied by it after every
    step. moving_average_decay: the decay of moving averages of the variables; the averages begin at the variables'
    current values, so restore the start weights first (in the OD API those of TF2 models begin at 0, which their small
    first decays make forget within 20 steps). None: no averages.

    `state` is the whole state, {checkpoint name: variable}.
    """

    def __init__(
        self,
        variables: Mapping[str, tf.Variable],
        schedule: Schedule,
        update: Update,
        *,
        slots: Mapping[str, float],
        powers: Mapping[str, float] | None = None,
        moving_average_decay: Decay | None = None,
    ):
        self.variables = dict(variables)
        self.schedule = schedule
        self.state: dict[str, tf.Variable] = {}
        self._update = update
        self._slots = tuple(slots)
        self._powers = dict(powers or {})
        self._decay = moving_average_decay
        for name, variable in self.variables.items():
            for slot, initial in slots.items():
                self._add(f"{name}/{slot}", tf.fill(variable.shape, tf.cast(initial, variable.dtype)))
            if self._decay is not None:
                self._add(f"{name}/{AVERAGE}", variable)
        for name, factor in self._powers.items():
            self._add(name, tf.constant(factor))

    def apply(self, gradients: Mapping[str, tf.Tensor], rate: tf.Tensor, done: tf.Tensor) -> None:
        """Do one step: `gradients` by variable name, `rate` the learning rate, a float32 scalar. Works in graphs.

        done: the number of steps before this one, an int32 scalar.
        """
        powers = {name: self.state[name] for name in self._powers}
        for name, gradient in gradients.items():
            slots = {slot: self.state[f"{name}/{slot}"] for slot in self._slots}
            self._update(self.variables[name], slots | powers, gradient, rate)
        for name, factor in self._powers.items():
            replicas.assign(self.state[name], self.state[name] * factor)
        if self._decay is not None:
            new = 1.0 - self._decay(done)
            for name, variable in self.variables.items():
                average = self.state[f"{name}/{AVERAGE}"]
                replicas.assign_sub(average, new * (average - variable))

    def _add(self, name: str, initial: tf.Tensor | tf.Variable) -> None:
        self.state[name] = tf.Variable(initial, trainable=False, name=name)
