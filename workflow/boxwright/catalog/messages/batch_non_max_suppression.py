"""Removes boxes that overlap a better one of their class, and limits their number."""

from collections.abc import Iterator

from google.protobuf.message import Message

from boxwright.catalog.ranges import COUNT, NOT_NEGATIVE, SHARE, Range
from boxwright.catalog.relations import ordered
from boxwright.catalog.spec import Break, Spec, relation


@relation("soft_nms_sigma")
def _ways(message: Message) -> Iterator[Break]:
    if message.use_combined_nms:
        yield "use_combined_nms", True, "it clips boxes too early and gives no scores of the other classes", False
    for other in ("use_static_shapes", "use_hard_nms"):
        if message.soft_nms_sigma > 0 and getattr(message, other):
            yield other, True, "it does not go with soft_nms_sigma", False


SPEC = Spec(
    fields={
        "iou_threshold": SHARE,
        "max_detections_per_class": COUNT,
        "max_total_detections": COUNT,
        "soft_nms_sigma": NOT_NEGATIVE,
        "max_classes_per_detection": Range(-(2**31), 1),
    },
    relations=(ordered("max_detections_per_class", "max_total_detections"), _ways),
)
