"""From raw predictions to detections."""

from collections.abc import Iterator

from google.protobuf.message import Message

from boxwright.catalog.ranges import POSITIVE
from boxwright.catalog.relations import enum_name, plain
from boxwright.catalog.spec import LEFT_OUT, Break, Spec, relation


@relation("batch_non_max_suppression", "score_converter")
def _scores(message: Message) -> Iterator[Break]:
    """Scores are shares, unless they are the raw predictions."""
    threshold = message.batch_non_max_suppression.score_threshold
    if threshold >= 1 and enum_name(message, "score_converter") != "IDENTITY":
        why = "no score is above 1, so nothing would be detected"
        yield "batch_non_max_suppression.score_threshold", plain(threshold), why, 0.0


SPEC = Spec(fields={"logit_scale": POSITIVE, "calibration_config": LEFT_OUT}, relations=(_scores,))
