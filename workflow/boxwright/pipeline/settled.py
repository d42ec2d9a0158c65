"""Refuses overrides of fields that the run decides by keys of its own: it would ignore them, or not see them change.

An override of such a field changes nothing (the records and the label map are those that the run writes), or it changes
a training without making it start again (the start weights, the number of steps).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from boxwright.core.wording import few
from boxwright.pipeline.overrides import misspelt
from boxwright.protos.plain import plain

# A pattern of paths, why an override of them cannot work, and what to set instead; {model} is the model's name.
_READER = r"(train_input_reader|eval_input_reader\.\d+)\."
SETTLED = (
    (
        rf"{_READER}(tf_record_input_reader|external_input_reader|input_type)\b",
        "the run writes the records itself and reads no others",
        "`dataset.images` and `dataset.annotations`",
    ),
    (rf"{_READER}label_map_path$", "the run reads the label map that it writes", "`dataset.label_map`"),
    (r"train_config\.num_steps$", "the run decides how long the training is", "`models.{model}.num_steps`"),
    (r"train_config\.fine_tune_checkpoint$", "the run gives the start weights", "`models.{model}.checkpoint`"),
    (
        r"train_config\.from_detection_checkpoint$",
        "deprecated, and not used beside fine_tune_checkpoint_type",
        'an override of `train_config.fine_tune_checkpoint_type` ("detection" or "classification")',
    ),
    (r"train_config\.use_bfloat16$", "not used", "`models.{model}.precision: bfloat16`"),
    (
        r"train_config\.keep_checkpoint_every_n_hours$",
        "the run saves after numbers of steps",
        "`models.{model}.checkpoint_every`",
    ),
)
# Fields that count only together with a checkpoint.
_OF_CHECKPOINT = r"train_config\.(fine_tune_checkpoint_type|load_all_detection_checkpoint_vars)$"


def mistakes(settled: Message, changed: Message, overrides: Mapping[str, Any], model: str) -> list[str]:
    """Why `overrides` cannot change fields of `settled`, one line for each field.

    settled, changed: the TrainEvalPipelineConfig without and with the overrides, which may set whole blocks. model: the
    name of the model in the run's configuration. A field that an override names is told even if its value stays.
    """
    before, after = dict(_leaves(settled)), dict(_leaves(changed))
    given = {re.sub(r"\[(\d+)\]", r".\1", str(path)): value for path, value in overrides.items() if value is not None}
    named = dict.fromkeys(field for path, value in given.items() for field in _written(path, value))
    touched = [path for path in before | after if before.get(path) != after.get(path)]
    found: dict[str, str] = {}
    lost: dict[str, list[str]] = {}
    for path in (*named, *touched):
        block = None if path in named else _block_around(path, given)
        for pattern, why, instead in SETTLED:
            if (match := re.match(pattern, path)) and block:
                lost.setdefault(block, []).append(path)
            elif match:
                told = f"override `{path}`: {why}. Set {instead.format(model=model)} instead."
                found.setdefault(match[0], told)
        if re.match(_OF_CHECKPOINT, path) and not settled.train_config.fine_tune_checkpoint:
            told = f"override `{path}`: not used, since the training has no start weights. "
            found.setdefault(path, f"{told}Set `models.{model}.checkpoint` too, or leave this out.")
    # A field that the run decides is no advice for one that is not there.
    for path, told, meant in misspelt(settled, overrides):
        for pattern, why, instead in SETTLED:
            if re.match(pattern, meant):
                instead = instead.format(model=model)
                told = f"{told}, and `{meant}` cannot be set: {why}. Set {instead} instead."
                found.setdefault(path, f"override `{path}`: {told}")
    blocks = (_of_block(block, given[block], fields, model) for block, fields in lost.items())
    return [*found.values(), *blocks]


def instead_of(path: str, model: str) -> str:
    """What to set instead of a field that the run decides; "" for other fields. model: see `mistakes`."""
    return next((instead.format(model=model) for pattern, _, instead in SETTLED if re.match(pattern, path)), "")


def replaced(before: Message, after: Message, overrides: Mapping[str, Any]) -> list[str]:
    """Which fields the blocks among `overrides` take away from `before`, one sentence for each block.

    before, after: the TrainEvalPipelineConfig without and with the overrides. Fields of an alternative that gives way
    to another one are not told, nor blocks with fields that the run decides, which `mistakes` refuses.
    """
    told = []
    for path, value in overrides.items():
        old, new = (_message(config, str(path)) for config in (before, after))
        if not isinstance(value, Mapping) or old is None or new is None:
            continue
        lost = list(_lost(old, new, ""))
        if lost and not any(re.match(pattern, f"{path}.{name}") for name in lost for pattern, *_ in SETTLED):
            names = few([f"`{name}`" for name in lost])
            wanted = few([f"`{one}`" for one in _ends(str(path), value)])
            told.append(
                f"override `{path}`: a block as value replaces all of it, and what the file sets there is gone "
                f"({names}). To keep that, write the whole path of each field instead: {wanted}."
            )
    return told


def _message(config: Message, path: str) -> Message | None:
    """The message at a path; None if there is none."""
    found: Any = config
    for part in filter(None, re.split(r"\.|\[(\d+)\]", path)):
        if isinstance(found, Message) and part in found.DESCRIPTOR.fields_by_name:
            field = found.DESCRIPTOR.fields_by_name[part]
            if not field.is_repeated and field.message_type and not found.HasField(part):
                return None
            found = getattr(found, part)
        elif not isinstance(found, Message) and part.isdigit() and int(part) < len(found):
            found = found[int(part)]
        else:
            return None
    return found if isinstance(found, Message) else None


def _lost(old: Message, new: Message, path: str) -> Iterator[str]:
    """The paths of the fields of `old` that `new` does not have, unless an alternative took the place of one."""
    for field, value in old.ListFields():
        here = f"{path}.{field.name}" if path else field.name
        there = {one.name for one, _ in new.ListFields()}
        if field.containing_oneof and new.WhichOneof(field.containing_oneof.name) not in (None, field.name):
            continue
        if field.name not in there:
            if getattr(new, field.name) != value:
                yield here
        elif field.message_type and not field.is_repeated:
            yield from _lost(value, getattr(new, field.name), here)


def _ends(path: str, value: Any) -> Iterator[str]:
    """The paths of the single values in a block."""
    if isinstance(value, Mapping) and value:
        for key, child in value.items():
            yield from _ends(f"{path}.{key}", child)
    else:
        yield path


def _written(path: str, value: Any) -> Iterator[str]:
    """The paths of all fields that an override names, also those in the block that it gives as a value."""
    yield path
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        yield from _written(f"{path}.{key}", child)


def _block_around(path: str, given: Mapping[str, Any]) -> str | None:
    """The override that replaces a whole block, in which the field of a path lies."""
    around = (one for one, value in given.items() if isinstance(value, Mapping | list) and path.startswith(f"{one}."))
    return max(around, key=len, default=None)


def _of_block(block: str, value: Any, lost: Sequence[str], model: str) -> str:
    """That an override replaces a whole block, with fields that the run sets, and how to set only the wanted ones."""
    what = "block" if isinstance(value, Mapping) else "list"
    names = few([f"`{path.removeprefix(f'{block}.')}`" for path in lost])
    told = f"override `{block}`: a {what} as value replaces all of it, and with it what the run sets there ({names})."
    wanted = [path for path in _below(block, value) if not any(re.match(pattern, path) for pattern, *_ in SETTLED)]
    if not wanted:
        return f"{told} Leave it out."
    better = f", or better `models.{model}.batch_size`" if "train_config.batch_size" in wanted else ""
    return f"{told} Write the whole path of each field instead: {few([f'`{path}`' for path in wanted])}{better}."


def _below(path: str, value: Any) -> Iterator[str]:
    """The paths of the fields of a block, or of each block in a list."""
    if isinstance(value, list):
        for index, child in enumerate(value):
            yield from _below(f"{path}.{index}", child)
    elif isinstance(value, Mapping):
        yield from (f"{path}.{key}" for key in value)


def _leaves(message: Message) -> Iterator[tuple[str, Any]]:
    """Path and value of each field that is set, below the blocks that are settled here."""
    for name in ("train_config", "train_input_reader", "eval_input_reader"):
        field = message.DESCRIPTOR.fields_by_name[name]
        value = getattr(message, name)
        for index, item in enumerate(value if field.is_repeated else [value]):
            yield from _fields(item, f"{name}.{index}" if field.is_repeated else name)


def _fields(message: Message, path: str) -> Iterator[tuple[str, Any]]:
    for field, value in message.ListFields():
        yield f"{path}.{field.name}", _value(value, field)


def _value(value: Any, field: FieldDescriptor) -> Any:
    if field.is_repeated:
        return [str(item) for item in value]
    return str(value) if field.message_type else plain(value, field)
