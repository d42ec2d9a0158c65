"""Learning rate schedules of the pipeline.config: a rate as a pure function of the step.

A schedule is computed in Python once per step and handed to the training step as a number; nothing of it is state.
Rates and bounds are as the OD API gives them, measured over whole schedules where its sources leave doubt.
"""

import bisect
import math
from collections.abc import Callable

from google.protobuf.message import Message

from boxwright.catalog import check
from boxwright.core.errors import UserError

Schedule = Callable[[int], float]


def build(config: Message) -> Schedule:
    """The schedule that a `LearningRate` message describes: global step (from 0) -> learning rate.

    Raises UserError where no schedule is set, or one that cannot be.
    """
    kind = config.WhichOneof("learning_rate")
    if kind is None:
        raise UserError(
            "train_config.optimizer: learning_rate is empty. Set one of " + ", ".join(sorted(_BUILDERS)) + "."
        )
    check.require(getattr(config, kind), kind)
    return _BUILDERS[kind](getattr(config, kind))


def _constant(config: Message) -> Schedule:
    rate = config.learning_rate
    return lambda step: rate


def _exponential(config: Message) -> Schedule:
    """initial * factor^(steps / decay_steps), in stairs or smoothly, after an optional burn-in at a fixed rate.

    The decay counts from the end of the burn-in. The minimum lifts the burn-in rate too.
    """
    initial, floor = config.initial_learning_rate, config.min_learning_rate
    burnin_rate = config.burnin_learning_rate or initial

    def rate(step: int) -> float:
        if step < config.burnin_steps:
            return max(burnin_rate, floor)
        decays = (step - config.burnin_steps) / config.decay_steps
        if config.staircase:
            decays = math.floor(decays)
        return max(initial * config.decay_factor**decays, floor)

    return rate


def _manual_step(config: Message) -> Schedule:
    """A rate per interval; with warm-up, the first interval rises linearly to the second interval's rate."""
    boundaries = [entry.step for entry in config.schedule]
    rates = [config.initial_learning_rate, *(entry.learning_rate for entry in config.schedule)]

    def rate(step: int) -> float:
        if config.warmup and step < boundaries[0]:
            return rates[0] + (rates[1] - rates[0]) * step / boundaries[0]
        return rates[bisect.bisect_right(boundaries, step)]

    return rate


def _cosine(config: Message) -> Schedule:
    """Linear warm-up, an optional hold at the base rate, half a cosine down to 0 at total_steps, then 0.

    The half cosine is SGDR's without restarts (Loshchilov and Hutter, arXiv 1608.03983, equation 5).
    """
    base, total, warmup = config.learning_rate_base, config.total_steps, config.warmup_steps
    flat_until = warmup + config.hold_base_rate_steps

    def rate(step: int) -> float:
        if step > total:
            return 0.0
        if step < warmup:
            return config.warmup_learning_rate + (base - config.warmup_learning_rate) * step / warmup
        # At step == total the hold wins over the end of the cosine.
        if step <= flat_until:
            return base
        return 0.5 * base * (1.0 + math.cos(math.pi * (step - flat_until) / (total - flat_until)))

    return rate


_BUILDERS: dict[str, Callable[[Message], Schedule]] = {
    "constant_learning_rate": _constant,
    "exponential_decay_learning_rate": _exponential,
    "manual_step_learning_rate": _manual_step,
    "cosine_decay_learning_rate": _cosine,
}
