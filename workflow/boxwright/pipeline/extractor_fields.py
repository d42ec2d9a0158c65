"""Fields that mean something else than they say, and what a run writes: those of extractors, and of augmentations.

Configurations that are older than a field leave it out, and mean what the extractor did then; a field that the
extractor does not read can have any value. Of some augmentations the OD API reads only the fields that are set, and has
defaults of its own for the others. The engine takes what is written here.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from google.protobuf.message import Message

from boxwright.catalog.extractors import Extractor, row_of
from boxwright.catalog.messages import spec_of
from boxwright.protos import model_of


class Written(NamedTuple):
    """A field that a run writes: the message that has it, its path, its name, the value, and why, a clause."""

    message: Message
    path: str
    name: str
    value: Any
    why: str


def older(config: Message) -> Iterator[Written]:
    """The fields that are not set, and mean something else than the schema's default."""
    for row, extractor, path in _extractor(config):
        for name, value in row.unset.items():
            if extractor.HasField(name):
                continue
            if not isinstance(value, dict):
                why = f"{row.type} has no other, and configurations that are older than the field leave it out"
                yield Written(extractor, path, name, value, why)
                continue
            for inner, number in value.items():
                yield Written(getattr(extractor, name), f"{path}.{name}", inner, number, f"{row.type} without {name}")
    for index, option in enumerate(config.train_config.data_augmentation_options):
        for field, step in option.ListFields():
            path = f"train_config.data_augmentation_options.{index}.{field.name}"
            for name, value in spec_of(step.DESCRIPTOR.name).unset.items():
                if not step.HasField(name):
                    why = "the OD API takes it where the field is not set, and not the default of the schema"
                    yield Written(step, path, name, value, why)


def unread(config: Message) -> Iterator[Written]:
    """The fields that the extractor does not read, and that a part which it shares with others would."""
    for row, extractor, path in _extractor(config):
        for name in row.unread:
            if name in row.only and getattr(extractor, name) != row.only[name]:
                yield Written(extractor, path, name, row.only[name], not_read(row.type))


def as_written(config: Message) -> Message:
    """A copy of the TrainEvalPipelineConfig with the fields that a run writes."""
    copy = type(config)()
    copy.CopyFrom(config)
    for each in [*older(copy), *unread(copy)]:
        setattr(each.message, each.name, each.value)
    return copy


def not_read(type_: str) -> str:
    """The reason why a field has no effect."""
    return f"{type_} does not read it"


def _extractor(config: Message) -> Iterator[tuple[Extractor, Message, str]]:
    """The row of the extractor, its message and its path, if the engine has it."""
    model, family = model_of(config)
    if (row := row_of(model, family)) is not None:
        yield row, model.feature_extractor, f"model.{family}.feature_extractor"
