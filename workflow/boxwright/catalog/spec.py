"""What can be known of a message: of its fields, of what they ask of each other, of what it may choose.

Each message of which something is known has a module in `catalog.messages` with one `SPEC`. These are named tuples: the
plan of every run starts with them, and a dataclass takes the time of ten.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from google.protobuf.message import Message

from boxwright.catalog.ranges import Range

# A field below the message ("" for the message itself), its value (None: not set), what is wrong with it, and a value
# that works (None: there is no one value).
Break = tuple[str, Any, str, Any]
Breaks = Callable[[Message], Iterator[Break]]

LACKS = "the engine does not have this"
NOT_READ_SO = "the engine does not read the data so"


class Only(NamedTuple):
    """The one value that the engine has for a field, enums by name; None: it must not be set. `why` is told else."""

    value: Any
    why: str = ""

    def __str__(self) -> str:
        return self.why or (f"{LACKS}; leave it out" if self.value is None else LACKS)


LEFT_OUT = Only(None)


class Block(NamedTuple):
    """What a message says of one that it holds.

    fields: as in `Spec`, beside what is known of the inner message everywhere.
    among: of the alternatives that the inner message can choose, those that go here; the usual one first.
    needed: it is looked into even where it is not set, and where it can choose, it must.
    after: a field; nothing is said of this block where that one is refused, since it depends on it.
    """

    fields: Mapping[str, "Fact"] = {}
    among: tuple[str, ...] = ()
    needed: bool = False
    after: str = ""


Fact = Range | Only | Block


class Relation(NamedTuple):
    """What fields ask of each other. It is not asked where something at or below one of `of` is wrong already."""

    of: tuple[str, ...]
    breaks: Breaks


def relation(*of: str) -> Callable[[Breaks], Relation]:
    """Make a `Relation` of the function below."""
    return lambda breaks: Relation(of, breaks)


class Spec(NamedTuple):
    """All that is known of a message.

    fields: by name, the range of a number, the one value, or what is said of an inner message. Of numbers that are not
        named it is known that they are finite.
    choices: the alternatives of its (first) oneof that the engine has; empty: all.
    usual: whether the first of them can stand in for one that the engine lacks; if not, that is best left out.
    relations: what its fields ask of each other.
    refusals: what the engine lacks, where no `Only` can say it. A message of which one speaks is not looked into.
    unread: fields that nobody reads where a condition holds.
    """

    fields: Mapping[str, Fact] = {}
    choices: tuple[str, ...] = ()
    usual: bool = True
    relations: tuple[Relation, ...] = ()
    refusals: tuple[Breaks, ...] = ()
    unread: Mapping[str, Callable[[Message], bool]] = {}


UNKNOWN = Spec()
ANYWHERE = Block()
