"""Tells how a training's configuration differs from the one that made its checkpoints, and what that means."""

from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf.message import Message

from boxwright.core.wording import plural
from boxwright.pipeline import identity, schedule
from boxwright.protos.plain import plain

# Fields that are named one by one.
_SHOWN = 3
# The fields of a cosine that follow num_steps.
_LENGTHS = ("total_steps", "warmup_steps", "hold_base_rate_steps")


def differences(
    made: Message, wanted: Message, deciding: Callable[[Message], str] = identity.training_identity, why: bool = True
) -> list[str]:
    """What differs between two TrainEvalPipelineConfig: the first fields as "field old -> new".

    deciding: gives the text of the fields that count (see `identity`), by default those that decide a training. A
    cosine that num_steps stretches is told as that; without `why` only num_steps is. Fields that come and go with the
    start weights are left out.
    """
    before, after = _fields(deciding(made)), _fields(deciding(wanted))
    changed = [path for path in after | before if before.get(path) != after.get(path)]
    changed = [path for path in changed if not any(other.startswith(f"{path}.") for other in changed)]
    if bool(made.train_config.fine_tune_checkpoint) != bool(wanted.train_config.fine_tune_checkpoint):
        changed = [field for field in changed if field not in identity.OF_START]
    told = []
    if stretched := _stretched(made, wanted):
        told.append(stretched if why else f"num_steps {made.train_config.num_steps} -> {wanted.train_config.num_steps}")
        _, path = schedule.schedule_of(wanted)
        changed = [field for field in changed if field not in {f"{path}.{name}" for name in _LENGTHS}]
    told += [f"{path} {_shown(made, before, path)} -> {_shown(wanted, after, path)}" for path in changed[:_SHOWN]]
    return [*told, plural(len(changed) - _SHOWN, "more field")] if len(changed) > _SHOWN else told


def _fields(text: str) -> Mapping[str, str]:
    """The fields of a canonical text: value by path. Of blocks only those count that hold no field."""
    lines = text.splitlines()
    blocks = {line.removesuffix(" {}") for line in lines if line.endswith(" {}")}
    fields = dict(line.split(": ", 1) for line in lines if not line.endswith(" {}"))
    inner = {path[: len(path) - len(last)] for path in (*fields, *blocks) for last in [f".{path.rpartition('.')[2]}"]}
    return fields | dict.fromkeys(blocks - inner, "set")


def _shown(config: Message, fields: Mapping[str, str], path: str) -> str:
    """The value of a field: as it is set, else the schema's default, else that it is not set."""
    if path in fields:
        return fields[path]
    message: Any = config
    *blocks, name = path.split(".")
    for block in blocks:
        if block.isdigit():
            if int(block) >= len(message):
                return "not set"
            message = message[int(block)]
            continue
        field = message.DESCRIPTOR.fields_by_name[block]
        if not field.is_repeated and not message.HasField(block):
            return "not set"
        message = getattr(message, block)
    field = None if name.isdigit() else message.DESCRIPTOR.fields_by_name[name]
    if field is None or field.is_repeated or field.message_type or not field.has_default_value:
        return "not set"
    return repr(plain(field.default_value, field))


def _stretched(made: Message, wanted: Message) -> str:
    """How num_steps stretches the learning rate's schedule; "" if it does not."""
    old, _ = schedule.schedule_of(made)
    new, path = schedule.schedule_of(wanted)
    before, after = made.train_config.num_steps, wanted.train_config.num_steps
    if before == after or not (schedule.is_cosine(old) and schedule.is_cosine(new)) or old == new:
        return ""
    if (old.total_steps, new.total_steps) != (before, after):
        return ""
    return (
        f"num_steps {before} -> {after} stretches the cosine schedule ({path}.total_steps {old.total_steps} -> "
        f"{new.total_steps}; a constant, manual step or exponential schedule would be continued)"
    )
