"""Which numbers a configuration can have: each in its range, and none at odds with the others of its message.

It is known here alone: `lint` asks before a run, and the engine when it reads a message. What is refused fails in the
engine or makes it learn nothing; most of it the OD API refuses too, in the middle of a job.
"""

from collections.abc import Iterator

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from boxwright.catalog.ranges import BOUNDS, FINITE
from boxwright.catalog.relations import RELATIONS, Break
from boxwright.core.errors import UserError
from boxwright.protos.plain import plain

_NUMBERS = (
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT32,
    FieldDescriptor.CPPTYPE_UINT64,
    FieldDescriptor.CPPTYPE_FLOAT,
    FieldDescriptor.CPPTYPE_DOUBLE,
)


def everywhere(message: Message) -> Iterator[Break]:
    """What `broken` finds in `message` and in all messages that are set below it."""
    yield from broken(message)
    unread = _unread(message)
    for field, value in message.ListFields():
        if not field.message_type or field.message_type.GetOptions().map_entry or field.name in unread:
            continue
        for path, item in _items(field, value):
            for name, *rest in everywhere(item):
                yield f"{path}.{name}", *rest


def broken(message: Message) -> Iterator[Break]:
    """The numbers of `message` itself which cannot be."""
    kind = message.DESCRIPTOR.name
    bounds, unread, outside = BOUNDS.get(kind, {}), _unread(message), set()
    for field in message.DESCRIPTOR.fields:
        if field.cpp_type not in _NUMBERS or field.GetOptions().deprecated or field.name in unread:
            continue
        bound = bounds.get(field.name, FINITE)
        for path, value in _items(field, getattr(message, field.name)):
            if value not in bound:
                outside.add(field.name)
                yield path, plain(value, field), f"it must be {bound}", bound.instead_of(field)
    for fields, relation in RELATIONS.get(kind, ()):
        if outside.isdisjoint(fields):
            yield from (found for found in relation(message) if found[0] not in unread)


def require(message: Message, path: str) -> None:
    """Raise one UserError for all that is broken in `message`, which stands at `path`, and below it."""
    if found := [_told(f"{path}.{name}", *rest) for name, *rest in everywhere(message)]:
        raise UserError("\n".join(found))


def _told(field: str, value: object, why: str, use: object) -> str:
    told = f"{field} is {'not set' if value is None else value}: {why}."
    return told if use is None else f"{told} Use {use}."


def _items(field: FieldDescriptor, value: object) -> Iterator[tuple[str, object]]:
    """The values of a field and their paths."""
    if field.is_repeated:
        yield from ((f"{field.name}.{index}", item) for index, item in enumerate(value))
    else:
        yield field.name, value


def _unread(message: Message) -> set[str]:
    """The fields of `message` which nobody reads, because of what others say."""
    kind = message.DESCRIPTOR.name
    if kind in ("ConvolutionalBoxPredictor", "MaskRCNNBoxPredictor") and not message.use_dropout:
        return {"dropout_keep_probability"}
    if kind == "Optimizer" and not message.use_moving_average:
        return {"moving_average_decay"}
    if kind == "SsdAnchorGenerator" and message.scales:
        return {"min_scale", "max_scale"}
    if kind == "CosineDecayLearningRate" and not message.warmup_steps:
        return {"warmup_learning_rate"}
    if kind == "FasterRcnn" and message.number_of_stages == 1:
        later = ("second_stage", "initial_crop", "maxpool", "hard_example")
        return {field.name for field in message.DESCRIPTOR.fields if field.name.startswith(later)}
    if kind == "FasterRcnn" and not message.maxpool_kernel_size:
        return {"maxpool_stride"}
    return set()
