"""The rules that a message can have: for its fields, for relations between them, for the alternatives it may choose.

Each message with rules has a module in `catalog.messages` with one `SPEC`. These are named tuples because the plan of
every run starts by making them, and making a dataclass takes ten times as long.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from google.protobuf.message import Message

from boxwright.catalog.ranges import Range

# A broken rule: a field below the message ("" for the message itself), its value (None: not set), what is wrong, and a
# value that works (None: there is no single value).
Break = tuple[str, Any, str, Any]
Breaks = Callable[[Message], Iterator[Break]]

LACKS = "the engine does not have this"
NOT_READ_SO = "the engine does not read the data this way"


class Only(NamedTuple):
    """The only value that the engine supports for a field, enums by name; None: it must not be set.

    why: the explanation for other values; "" stands for the usual one.
    """

    value: Any
    why: str = ""

    def __str__(self) -> str:
        return self.why or (f"{LACKS}; leave it out" if self.value is None else LACKS)


LEFT_OUT = Only(None)


class Block(NamedTuple):
    """The rules that a message adds for one of its inner messages.

    fields: as in `Spec`; they override the inner message's own rules here.
    among: the alternatives of the inner message that are allowed here, the usual one first, or a function that gives
        them for the message that adds the rules; empty: those of its `Spec`.
    needed: it is checked even if it is not set, and if it has alternatives, one must be chosen.
    after: a field that this block depends on: if that field is refused, this block is not checked.
    """

    fields: Mapping[str, "Fact"] = {}
    among: tuple[str, ...] | Callable[[Message], tuple[str, ...]] = ()
    needed: bool = False
    after: str = ""


Fact = Range | Only | Block


class Relation(NamedTuple):
    """A rule about several fields. It is skipped if something at or below one of the fields `of` is already wrong."""

    of: tuple[str, ...]
    breaks: Breaks


def relation(*of: str) -> Callable[[Breaks], Relation]:
    """The decorator that makes a function a `Relation`."""
    return lambda breaks: Relation(of, breaks)


def always(message: Message) -> bool:
    """The condition that holds for every message."""
    return True


class NoEffect(NamedTuple):
    """Why a field has no effect although it is set.

    why: a clause. when: whether it is so, given the message that says it. done: the value, enums by name, that asks for
    what is done anyway; None: there is none besides the schema's default.
    """

    why: str
    when: Callable[[Message], bool] = always
    done: Any = None


NOT_READ_BY_OD_API = NoEffect("the OD API does not read it either")
HOW_ALONE = NoEffect("in the OD API it chooses how something is computed, not what")


class Spec(NamedTuple):
    """All rules of a message.

    fields: by name, the range of a number, the only supported value, or the rules added for an inner message. Numbers
        that are not listed must be finite.
    choices: the alternatives of its (first) oneof that the engine supports; empty: all.
    usual: whether the first choice can replace an unsupported one; if not, the advice is to leave that out.
    reasons: why an alternative is refused, by its name, where it is not only that the engine lacks it.
    relations: rules about several fields.
    refusals: unsupported settings that no `Only` can express. An inner message with such a break is not checked.
    unread: fields that nothing reads if a condition holds; they are not checked.
    unset: what fields that are not set mean, where it is not the schema's default. A run writes them out.
    no_effect: by field, or by its dotted path below the message, what the user is told if it is set to no purpose. A
        field that another one switches off (`use_dropout`) is not among them.
    """

    fields: Mapping[str, Fact] = {}
    choices: tuple[str, ...] = ()
    usual: bool = True
    reasons: Mapping[str, str] = {}
    relations: tuple[Relation, ...] = ()
    refusals: tuple[Breaks, ...] = ()
    unread: Mapping[str, Callable[[Message], bool]] = {}
    unset: Mapping[str, Any] = {}
    no_effect: Mapping[str, NoEffect] = {}


UNKNOWN = Spec()
ANYWHERE = Block()
