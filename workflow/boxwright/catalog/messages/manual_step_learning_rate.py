"""Given rates from given steps on."""

from collections.abc import Iterator
from itertools import pairwise

from google.protobuf.message import Message

from boxwright.catalog.ranges import NOT_NEGATIVE
from boxwright.catalog.relations import plain
from boxwright.catalog.spec import Break, Spec, relation


@relation()
def _rising(message: Message) -> Iterator[Break]:
    found = [{"step": entry.step, "learning_rate": plain(entry.learning_rate)} for entry in message.schedule]
    later = found[1:] if found and found[0]["step"] == 0 else found
    why = "the steps must rise from 1 on"
    if not found:
        yield "schedule", None, "it has no entry; a constant rate is a constant_learning_rate", None
    elif any(entry["step"] >= after["step"] for entry, after in pairwise([{"step": 0}, *later])):
        yield "schedule", found, why, None
    elif later != found:
        yield "schedule", found, f"{why}; before the first, initial_learning_rate holds", later or None


SPEC = Spec(fields={"initial_learning_rate": NOT_NEGATIVE}, relations=(_rising,))
