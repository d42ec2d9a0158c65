"""Each anchor learns the box most similar to it, if the similarity is high enough."""

from collections.abc import Iterator

from google.protobuf.message import Message

from boxwright.catalog.relations import plain
from boxwright.catalog.spec import HOW_ALONE, Break, Spec, relation


@relation()
def _thresholds(message: Message) -> Iterator[Break]:
    matched, unmatched = plain(message.matched_threshold), plain(message.unmatched_threshold)
    if not message.ignore_thresholds and unmatched > matched:
        yield "unmatched_threshold", unmatched, f"it must not be above matched_threshold, which is {matched}", matched
    elif not message.negatives_lower_than_unmatched and (message.ignore_thresholds or unmatched == matched):
        which = "ignored" if message.ignore_thresholds else f"both {matched}"
        why = f"only anchors between the thresholds are then background, but the thresholds are {which}"
        yield "negatives_lower_than_unmatched", False, why, True


SPEC = Spec(relations=(_thresholds,), no_effect={"use_matmul_gather": HOW_ALONE})
