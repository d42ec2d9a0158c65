"""Linear warm-up, a hold, then half a cosine down to 0."""

from collections.abc import Iterator

from google.protobuf.message import Message

from boxwright.catalog.ranges import NOT_NEGATIVE
from boxwright.catalog.relations import plain
from boxwright.catalog.spec import Break, Spec, relation


@relation()
def _warmup(message: Message) -> Iterator[Break]:
    total, warmup = message.total_steps, message.warmup_steps
    if warmup > total:
        yield "warmup_steps", warmup, f"the warm-up is longer than the whole schedule of {total} steps", total // 10


@relation("learning_rate_base", "warmup_learning_rate")
def _warmup_rate(message: Message) -> Iterator[Break]:
    if message.warmup_steps and message.warmup_learning_rate > message.learning_rate_base:
        base = plain(message.learning_rate_base)
        why = f"the warm-up starts above the base rate {base}"
        yield "warmup_learning_rate", plain(message.warmup_learning_rate), why, plain(base / 10)


SPEC = Spec(
    fields={"learning_rate_base": NOT_NEGATIVE, "warmup_learning_rate": NOT_NEGATIVE},
    relations=(_warmup, _warmup_rate),
    unread={"warmup_learning_rate": lambda message: not message.warmup_steps},
)
