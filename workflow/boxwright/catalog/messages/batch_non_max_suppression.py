"""Removes boxes that overlap a better one of their class, and limits their number."""

from collections.abc import Iterator

from google.protobuf.message import Message

from boxwright.catalog.ranges import COUNT, NOT_NEGATIVE, SHARE, Range
from boxwright.catalog.relations import ordered
from boxwright.catalog.spec import HOW_ALONE, Break, NoEffect, Only, Spec, relation


@relation("soft_nms_sigma")
def _ways(message: Message) -> Iterator[Break]:
    for other in ("use_static_shapes", "use_hard_nms"):
        if message.soft_nms_sigma > 0 and getattr(message, other):
            yield other, True, "it cannot be combined with soft_nms_sigma", False


def _hard(message: Message) -> bool:
    """Whether boxes are dropped, as they are without soft suppression."""
    return message.soft_nms_sigma <= 0


SPEC = Spec(
    fields={
        "iou_threshold": SHARE,
        "max_detections_per_class": COUNT,
        "max_total_detections": COUNT,
        "soft_nms_sigma": NOT_NEGATIVE,
        "use_combined_nms": Only(False, "it clips boxes too early and gives no scores of the other classes"),
        "max_classes_per_detection": Range(-(2**31), 1),
    },
    no_effect={
        "use_partitioned_nms": HOW_ALONE,
        "use_cpu_nms": HOW_ALONE,
        **dict.fromkeys(("use_static_shapes", "use_hard_nms"), HOW_ALONE._replace(when=_hard)),
        "max_classes_per_detection": NoEffect("a detection has one class"),
    },
    relations=(ordered("max_detections_per_class", "max_total_detections"), _ways),
)
