"""The check that finds everything in a configuration that the engine refuses, before anything is built.

A field is refused because the engine does not support it ("unsupported"), or because its value is impossible, by itself
or together with other fields ("impossible-value"). The rules for the fields are in `catalog.messages`.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from boxwright.catalog.findings import Finding, RefusedError
from boxwright.catalog.messages import spec_of
from boxwright.catalog.ranges import FINITE, Range
from boxwright.catalog.spec import ANYWHERE, LACKS, Block, Only, Spec
from boxwright.protos.plain import plain

UNSUPPORTED, IMPOSSIBLE = "unsupported", "impossible-value"

# More entries than any list has: of numbers (each aspect ratio, for example, is one more anchor at every place), and of
# blocks (each step of a schedule, each augmentation).
MOST_NUMBERS, MOST_BLOCKS = 100, 10_000

_NUMBERS = (
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT32,
    FieldDescriptor.CPPTYPE_UINT64,
    FieldDescriptor.CPPTYPE_FLOAT,
    FieldDescriptor.CPPTYPE_DOUBLE,
)


class _Length(int):
    """The value of a list that is too long to print."""

    def __repr__(self) -> str:
        return f"a list of {int(self):,}"


class _Found(NamedTuple):
    """A finding with its field relative to the message."""

    rule: str
    field: str
    value: Any
    why: str
    use: Any


def findings(message: Message, path: str = "") -> list[Finding]:
    """Everything that the engine refuses in `message` and below. `path` is its place; "" for a whole configuration."""
    return [
        Finding("error", found.rule, _join(path, found.field), found.value, found.why, found.use)
        for found in _walk(message, ANYWHERE)
    ]


def require(message: Message, path: str = "") -> None:
    """Raise one RefusedError (a UserError) with everything that the engine refuses in `message`; see `findings`."""
    if found := findings(message, path):
        raise RefusedError(found)


def sound(message: Message) -> bool:
    """Whether the engine refuses nothing in `message`."""
    return not _walk(message, ANYWHERE)


def _walk(message: Message, said: Block) -> list[_Found]:
    """Everything refused in a message and below it; `said` has the rules that its parent message adds."""
    spec = spec_of(message.DESCRIPTOR.name)
    if refused := _choice(message, spec, said):
        return [refused]
    facts = {**spec.fields, **said.fields}
    unread = {name for name, holds in spec.unread.items() if holds(message)}
    found = [_Found(UNSUPPORTED, *each) for refuse in spec.refusals for each in refuse(message)]
    refused_in = {each.field.partition(".")[0] for each in found}
    for field in _fields(message.DESCRIPTOR):
        fact = facts.get(field.name)
        if field.name in unread or field.name in refused_in:
            continue
        if isinstance(fact, Only):
            found += _differing(message, field, fact)
        elif field.cpp_type in _NUMBERS:
            found += _outside(message, field, fact or FINITE)
        elif field.message_type is not None and not (fact and fact.after and _touches(found, fact.after)):
            found += _below(message, field, fact or ANYWHERE)
    for relation in spec.relations:
        if not any(_touches(found, name) for name in relation.of):
            found += [_Found(IMPOSSIBLE, *each) for each in relation.breaks(message) if each[0] not in unread]
    return found


@cache
def _fields(descriptor: Descriptor) -> list[FieldDescriptor]:
    """The fields of a message to check: all but maps and deprecated fields."""
    return [
        field
        for field in descriptor.fields
        if not field.GetOptions().deprecated and not (field.message_type and field.message_type.GetOptions().map_entry)
    ]


def _choice(message: Message, spec: Spec, said: Block) -> _Found | None:
    """What is wrong with the alternative that a message chooses, given those allowed in its place."""
    if not (choices := said.among or spec.choices):
        return None
    name = message.WhichOneof(message.DESCRIPTOR.oneofs[0].name)
    if name in choices or (name is None and not said.needed):
        return None
    if name is None:
        why = "one must be chosen"
    else:
        why = spec.reasons.get(name) or f"{LACKS}{' here' if spec.usual else '; leave it out'}"
    return _Found(UNSUPPORTED, "", name, why, choices[0] if spec.usual else None)


def _differing(message: Message, field: FieldDescriptor, only: Only) -> Iterator[_Found]:
    """A field whose value differs from the only supported one."""
    if field.message_type is not None:
        if message.HasField(field.name):
            yield _Found(UNSUPPORTED, field.name, "set", str(only), None)
        return
    value = plain(getattr(message, field.name), field)
    if value != only.value:
        yield _Found(UNSUPPORTED, field.name, value, str(only), only.value)


def _outside(message: Message, field: FieldDescriptor, bound: Range) -> Iterator[_Found]:
    """The values of a numeric field that are out of range, or that are too many."""
    if field.is_repeated and (too_long := _too_long(message, field, MOST_NUMBERS)):
        yield too_long
        return
    for path, value in _items(message, field):
        if value not in bound:
            yield _Found(IMPOSSIBLE, path, plain(value, field), f"it must be {bound}", bound.instead_of(field))


def _below(message: Message, field: FieldDescriptor, block: Block) -> Iterator[_Found]:
    """Everything refused in the messages of a field."""
    if callable(block.among):
        block = block._replace(among=block.among(message))
    if field.is_repeated and (too_long := _too_long(message, field, MOST_BLOCKS)):
        yield too_long
    elif field.is_repeated or block.needed or message.HasField(field.name):
        for path, item in _items(message, field):
            for each in _walk(item, block):
                yield each._replace(field=_join(path, each.field))


def _too_long(message: Message, field: FieldDescriptor, most: int) -> _Found | None:
    """A list that has more than `most` entries."""
    count = len(getattr(message, field.name))
    if count <= most:
        return None
    return _Found(IMPOSSIBLE, field.name, _Length(count), f"it can have at most {most:,} entries", None)


def _items(message: Message, field: FieldDescriptor) -> Iterator[tuple[str, Any]]:
    """The values of a field and their paths."""
    value = getattr(message, field.name)
    if field.is_repeated:
        yield from ((f"{field.name}.{index}", item) for index, item in enumerate(value))
    else:
        yield field.name, value


def _touches(found: list[_Found], name: str) -> bool:
    """Whether something was found at or below the field `name`."""
    return any(each.field == name or each.field.startswith(f"{name}.") for each in found)


def _join(path: str, field: str) -> str:
    return f"{path}.{field}" if path and field else path or field
