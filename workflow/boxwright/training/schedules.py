"""Learning rate schedules: a rate as a pure function of the step.

A schedule is computed in Python once per step and passed to the training step as a number; it has no state. Rates and
bounds are the OD API's, measured over whole schedules where its sources leave doubt.
"""

import bisect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

# Global step (from 0) -> learning rate.
Schedule = Callable[[int], float]


def make(learning_rate: Mapping[str, Mapping[str, Any]]) -> Schedule:
    """The schedule of a `LearningRate` message, given as plain numbers: {name of its alternative: its fields}."""
    ((kind, numbers),) = learning_rate.items()
    return _KINDS[kind](**numbers)


def _constant(*, learning_rate: float) -> Schedule:
    return lambda step: learning_rate


def _exponential(
    *,
    initial_learning_rate: float,
    decay_steps: int,
    decay_factor: float,
    staircase: bool,
    burnin_learning_rate: float,
    burnin_steps: int,
    min_learning_rate: float,
) -> Schedule:
    """initial * factor^(steps / decay_steps), in stairs or smoothly, after an optional burn-in at a fixed rate.

    The decay counts from the end of the burn-in. The minimum lifts the burn-in rate too.
    """
    burnin_rate = burnin_learning_rate or initial_learning_rate

    def rate(step: int) -> float:
        if step < burnin_steps:
            return max(burnin_rate, min_learning_rate)
        decays = (step - burnin_steps) / decay_steps
        if staircase:
            decays = math.floor(decays)
        return max(initial_learning_rate * decay_factor**decays, min_learning_rate)

    return rate


def _manual_step(*, initial_learning_rate: float, schedule: Sequence[Mapping[str, Any]], warmup: bool) -> Schedule:
    """A rate per interval; with warm-up, the first interval rises linearly to the second interval's rate.

    `schedule` lists where the intervals after the first begin: {step, learning_rate}.
    """
    boundaries = [entry["step"] for entry in schedule]
    rates = [initial_learning_rate, *(entry["learning_rate"] for entry in schedule)]

    def rate(step: int) -> float:
        if warmup and step < boundaries[0]:
            return rates[0] + (rates[1] - rates[0]) * step / boundaries[0]
        return rates[bisect.bisect_right(boundaries, step)]

    return rate


def _cosine(
    *,
    learning_rate_base: float,
    total_steps: int,
    warmup_learning_rate: float,
    warmup_steps: int,
    hold_base_rate_steps: int,
) -> Schedule:
    """Linear warm-up, an optional hold at the base rate, half a cosine down to 0 at total_steps, then 0.

    The half cosine is SGDR's without restarts (Loshchilov and Hutter, arXiv 1608.03983, equation 5).
    """
    base = learning_rate_base
    flat_until = warmup_steps + hold_base_rate_steps

    def rate(step: int) -> float:
        if step > total_steps:
            return 0.0
        if step < warmup_steps:
            return warmup_learning_rate + (base - warmup_learning_rate) * step / warmup_steps
        # At step == total_steps the hold takes precedence over the end of the cosine.
        if step <= flat_until:
            return base
        return 0.5 * base * (1.0 + math.cos(math.pi * (step - flat_until) / (total_steps - flat_until)))

    return rate


_KINDS: dict[str, Callable[..., Schedule]] = {
    "constant_learning_rate": _constant,
    "exponential_decay_learning_rate": _exponential,
    "manual_step_learning_rate": _manual_step,
    "cosine_decay_learning_rate": _cosine,
}
