"""Given rates from given steps on.

An entry for step 0, which older configurations have, means that its rate is the initial one; with warm-up, which leads
from the initial rate to that of the first entry, it means nothing.
"""

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
    why = "the steps must rise, starting at 1 or more"
    if not found:
        yield "schedule", None, "it has no entry; for a constant rate use constant_learning_rate", None
    elif any(entry["step"] >= after["step"] for entry, after in pairwise([{"step": 0}, *later])):
        yield "schedule", found, why, None
    elif later != found and (message.warmup or not later):
        yield "schedule", found, f"{why}; before the first step, initial_learning_rate applies", later or None


SPEC = Spec(fields={"initial_learning_rate": NOT_NEGATIVE}, relations=(_rising,))
