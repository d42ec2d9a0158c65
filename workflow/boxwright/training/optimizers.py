"""Optimizers of the pipeline.config in the form and under the names that the OD API's TensorFlow 1 checkpoints hold.

Slots are plain variables named after the variable they belong to: `<variable>/RMSProp` (mean square, from 1) and
`<variable>/RMSProp_1` (momentum), `<variable>/Momentum`, `<variable>/Adam` and `<variable>/Adam_1` (first and second
moment) with `beta1_power` and `beta2_power`, and `<variable>/ExponentialMovingAverage`. The updates are TensorFlow's
own fused kernels, one per variable:

- momentum: a <- m a + g; w <- w - lr a (the rate is outside the accumulator)
- RMSProp: s <- d s + (1 - d) g^2; a <- m a + lr g / sqrt(s + epsilon); w <- w - a (epsilon inside the root)
- Adam (Kingma and Ba, arXiv 1412.6980, end of section 2): step lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + epsilon)
"""

import re
from collections.abc import Mapping, Sequence

import tensorflow as tf
from google.protobuf.message import Message

from boxwright.core.errors import UserError
from boxwright.devices import replicas
from boxwright.training import schedules

ADAM_BETA1, ADAM_BETA2 = 0.9, 0.999  # not in the proto: TensorFlow's defaults


class Optimizer:
    """Updates `variables` from gradients; its whole state is `state`, {checkpoint name: variable}.

    `config` is an `Optimizer` message, `variables` the variables to train by checkpoint name. Moving averages start
    at the values that the variables have now, so restore the start weights first.
    Raises UserError where the message is incomplete or asks for what does not exist.
    """

    def __init__(self, config: Message, variables: Mapping[str, tf.Variable]):
        self.kind = config.WhichOneof("optimizer")
        if self.kind is None:
            raise UserError("train_config.optimizer is empty. Set one of " + ", ".join(sorted(_SLOTS)) + ".")
        self._config = getattr(config, self.kind)
        self.schedule = schedules.build(self._config.learning_rate)
        self.variables = dict(variables)
        self._decay = config.moving_average_decay if config.use_moving_average else None

        self.state: dict[str, tf.Variable] = {}
        for name, variable in self.variables.items():
            for slot, initial in _SLOTS[self.kind].items():
                self._add(f"{name}/{slot}", tf.fill(variable.shape, tf.cast(initial, variable.dtype)))
            if self._decay is not None:
                self._add(f"{name}/{AVERAGE}", variable)
        if self.kind == "adam_optimizer":
            self._add("beta1_power", tf.constant(ADAM_BETA1))
            self._add("beta2_power", tf.constant(ADAM_BETA2))

    def apply(self, gradients: Mapping[str, tf.Tensor], rate: tf.Tensor) -> None:
        """One step: `gradients` by variable name, `rate` the learning rate, a float32 scalar. Graph-safe."""
        for name, gradient in gradients.items():
            self._update(name, gradient, rate)
        if self.kind == "adam_optimizer":
            for name, factor in (("beta1_power", ADAM_BETA1), ("beta2_power", ADAM_BETA2)):
                replicas.assign(self.state[name], self.state[name] * factor)
        if self._decay is not None:
            for name, variable in self.variables.items():
                average = self.state[f"{name}/{AVERAGE}"]
                replicas.assign_sub(average, (1.0 - self._decay) * (average - variable))

    def _add(self, name: str, initial: tf.Tensor | tf.Variable) -> None:
        self.state[name] = tf.Variable(initial, trainable=False, name=name)

    def _update(self, name: str, gradient: tf.Tensor, rate: tf.Tensor) -> None:
        variable = self.variables[name].handle
        slots = [self.state[f"{name}/{slot}"].handle for slot in _SLOTS[self.kind]]
        if self.kind == "momentum_optimizer":
            tf.raw_ops.ResourceApplyMomentum(
                var=variable,
                accum=slots[0],
                lr=rate,
                grad=gradient,
                momentum=self._config.momentum_optimizer_value,
            )
        elif self.kind == "rms_prop_optimizer":
            tf.raw_ops.ResourceApplyRMSProp(
                var=variable,
                ms=slots[0],
                mom=slots[1],
                lr=rate,
                rho=self._config.decay,
                momentum=self._config.momentum_optimizer_value,
                epsilon=self._config.epsilon,
                grad=gradient,
            )
        else:
            tf.raw_ops.ResourceApplyAdam(
                var=variable,
                m=slots[0],
                v=slots[1],
                beta1_power=self.state["beta1_power"],
                beta2_power=self.state["beta2_power"],
                lr=rate,
                beta1=ADAM_BETA1,
                beta2=ADAM_BETA2,
                epsilon=self._config.epsilon,
                grad=gradient,
            )


AVERAGE = "ExponentialMovingAverage"

# Slots in the order in which TensorFlow 1 made them, which numbers their names, with their initial values.
_SLOTS: dict[str, dict[str, float]] = {
    "momentum_optimizer": {"Momentum": 0.0},
    "rms_prop_optimizer": {"RMSProp": 1.0, "RMSProp_1": 0.0},
    "adam_optimizer": {"Adam": 0.0, "Adam_1": 0.0},
}


def trained(names: Sequence[str], config: Message) -> list[str]:
    """The names of the trainable variables that a `TrainConfig` trains, in their order.

    `update_trainable_variables` keeps those in whose name one of its regular expressions is found (all where it is
    empty), then `freeze_variables` drops those in whose name one of its own is found.
    Raises UserError where a pattern is not a regular expression, matches nothing, or nothing is left.
    """
    keep = _patterns("update_trainable_variables", config.update_trainable_variables, names)
    drop = _patterns("freeze_variables", config.freeze_variables, names)
    chosen = [
        name
        for name in names
        if (not keep or any(pattern.search(name) for pattern in keep))
        and not any(pattern.search(name) for pattern in drop)
    ]
    if not chosen:
        raise UserError(
            "train_config: update_trainable_variables and freeze_variables together leave no variable to train. "
            f"The model has {len(names)}, the first is {names[0]}."
        )
    return chosen


def _patterns(field: str, patterns: Sequence[str], names: Sequence[str]) -> list[re.Pattern]:
    compiled = []
    for pattern in patterns:
        try:
            compiled.append(re.compile(pattern))
        except re.error as error:
            raise UserError(f"train_config.{field}: {pattern!r} is not a regular expression: {error}.") from None
        if not any(compiled[-1].search(name) for name in names):
            raise UserError(
                f"train_config.{field}: {pattern!r} is found in none of the model's {len(names)} trainable variables. "
                f"Their names look like {names[0]} and {names[-1]}."
            )
    return compiled


def multiply_bias_gradients(gradients: Mapping[str, tf.Tensor], factor: float) -> dict[str, tf.Tensor]:
    """Gradients by name, those of biases (names that end in /biases) times `factor`; 0 means no change."""
    if factor == 0:
        return dict(gradients)
    return {name: gradient * factor if name.endswith("/biases") else gradient for name, gradient in gradients.items()}


def clip_by_global_norm(gradients: Mapping[str, tf.Tensor], limit: float) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    """(gradients, norm): all scaled by one factor so that their common L2 norm is at most `limit`; 0 means no limit.

    `norm` is the norm before clipping, a float32 scalar.
    """
    norm = tf.linalg.global_norm(list(gradients.values()))
    if limit == 0:
        return dict(gradients), norm
    clipped, _ = tf.clip_by_global_norm(list(gradients.values()), limit, use_norm=norm)
    return dict(zip(gradients, clipped, strict=True)), norm
