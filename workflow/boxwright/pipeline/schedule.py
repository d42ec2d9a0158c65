"""Reads the message of a learning-rate schedule: its path in the configuration, its rates, and when they change."""

import math
from collections.abc import Iterator

from google.protobuf.message import Message

from boxwright.protos.plain import short_float

BASE_RATE = {
    "ConstantLearningRate": "learning_rate",
    "ExponentialDecayLearningRate": "initial_learning_rate",
    "ManualStepLearningRate": "initial_learning_rate",
    "CosineDecayLearningRate": "learning_rate_base",
}


def optimizer_of(config: Message) -> tuple[Message | None, str]:
    """The chosen optimizer's message and its dotted path; (None, "") if there is none."""
    optimizer = config.train_config.optimizer
    name = optimizer.WhichOneof("optimizer")
    return (getattr(optimizer, name), f"train_config.optimizer.{name}") if name else (None, "")


def schedule_of(config: Message) -> tuple[Message | None, str]:
    """The chosen schedule's message (ConstantLearningRate, ...) and its dotted path; (None, "") if there is none."""
    optimizer, path = optimizer_of(config)
    name = optimizer.learning_rate.WhichOneof("learning_rate") if optimizer is not None else None
    return (getattr(optimizer.learning_rate, name), f"{path}.learning_rate.{name}") if name else (None, "")


def is_cosine(schedule: Message | None) -> bool:
    return schedule is not None and schedule.DESCRIPTOR.name == "CosineDecayLearningRate"


def rates(schedule: Message, path: str) -> Iterator[tuple[Message, str, str]]:
    """Every learning rate of a schedule at `path`: the message that holds it, its path, the field's name.

    A rate of 0 is left out: burnin_learning_rate 0 stands for the initial rate, min_learning_rate 0 for no floor.
    """
    for field in schedule.DESCRIPTOR.fields:
        if "learning_rate" in field.name and getattr(schedule, field.name):
            yield schedule, path, field.name
    if schedule.DESCRIPTOR.name == "ManualStepLearningRate":
        for index, entry in enumerate(schedule.schedule):
            if entry.learning_rate:
                yield entry, f"{path}.schedule.{index}", "learning_rate"


def base_rate(schedule: Message) -> tuple[float, str]:
    """The rate before any decay, warm-up apart, and the name of its field."""
    name = BASE_RATE[schedule.DESCRIPTOR.name]
    if schedule.DESCRIPTOR.name == "ManualStepLearningRate" and schedule.warmup and schedule.schedule:
        return schedule.schedule[0].learning_rate, "schedule.0.learning_rate"
    return getattr(schedule, name), name


def first_decay(schedule: Message) -> int | None:
    """The first step at which the rate leaves its base rate, warm-up apart; None if it never does."""
    kind = schedule.DESCRIPTOR.name
    if kind == "ExponentialDecayLearningRate" and schedule.decay_factor != 1:
        return schedule.burnin_steps + (schedule.decay_steps if schedule.staircase else 1)
    if kind == "ManualStepLearningRate":
        entries = list(schedule.schedule)
        rate = schedule.initial_learning_rate
        if schedule.warmup and entries:
            rate = entries.pop(0).learning_rate
        return next((entry.step for entry in entries if entry.learning_rate != rate), None)
    if kind == "CosineDecayLearningRate":
        return schedule.warmup_steps + schedule.hold_base_rate_steps + 1
    return None


def begins_at_0(schedule: Message) -> bool:
    """Whether manual steps begin with an entry for step 0, as in older configurations, and go on after it.

    The entry's rate then counts from the first step on, and initial_learning_rate is not used.
    """
    if schedule.DESCRIPTOR.name != "ManualStepLearningRate" or schedule.warmup:
        return False
    return len(schedule.schedule) > 1 and schedule.schedule[0].step == 0


def entries(schedule: Message) -> list[dict[str, object]]:
    """The entries of manual steps as plain Python: [{"step": ..., "learning_rate": ...}]."""
    return [{"step": entry.step, "learning_rate": short_float(entry.learning_rate)} for entry in schedule.schedule]


def fitted(schedule: Message, num_steps: int) -> tuple[str, object, object]:
    """The field that sets when the rate changes, its value, and the value with which it changes within `num_steps`.

    Manual steps keep their proportions and end at 8/9 of the run (thus two steps of the usual ratio 3 : 4 come at 2/3
    and 8/9), without an entry for step 0, which becomes the initial rate; an exponential decay ends at a tenth of its
    rate; a cosine ends with the run.
    """
    kind = schedule.DESCRIPTOR.name
    if kind == "ManualStepLearningRate":
        found = entries(schedule)
        share = num_steps * 8 / 9 / found[-1]["step"]
        later = found[1:] if begins_at_0(schedule) else found
        return "schedule", found, [entry | {"step": max(1, round(entry["step"] * share))} for entry in later]
    if kind == "ExponentialDecayLearningRate":
        drops = math.log(0.1) / math.log(schedule.decay_factor) if 0 < schedule.decay_factor < 1 else 10
        return "decay_steps", schedule.decay_steps, max(1, int(num_steps / drops))
    if schedule.total_steps != num_steps:
        return "total_steps", schedule.total_steps, num_steps
    return "hold_base_rate_steps", schedule.hold_base_rate_steps, 0
