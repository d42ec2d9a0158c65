"""Objects as points: a heat map of centres, and the size of a box and the exact place of its centre at each of them."""

from collections.abc import Iterator

from google.protobuf.message import Message

from boxwright.catalog import extractors
from boxwright.catalog.messages import image_resizer
from boxwright.catalog.ranges import CLASSES, Range
from boxwright.catalog.spec import HOW_ALONE, Block, Break, NoEffect, Only, Spec, relation

_TYPE = "feature_extractor.type"
_BOXES_ALONE = Only(None, "the engine finds boxes alone, no masks, keypoints or tracks; leave it out")


def _extractor(message: Message) -> Iterator[Break]:
    return extractors.lacking(message, "center_net")


def _keypoints(message: Message) -> Iterator[Break]:
    for index in range(len(message.keypoint_estimation_task)):
        yield f"keypoint_estimation_task.{index}", "set", str(_BOXES_ALONE), None


@relation(_TYPE)
def _input_size(message: Message) -> Iterator[Break]:
    row = extractors.row_of(message, "center_net")
    yield from image_resizer.too_small(message, row, row.multiple if row is not None else 1)


@relation(_TYPE, "image_resizer")
def _sides(message: Message) -> Iterator[Break]:
    row = extractors.row_of(message, "center_net")
    if row is not None:
        yield from image_resizer.not_divisible(message, row.multiple)


SPEC = Spec(
    fields={
        "num_classes": Range(1, CLASSES),
        "feature_extractor": Block(needed=True),
        "image_resizer": Block(needed=True),
        "object_detection_task": Block(needed=True),
        "object_center_params": Block(needed=True),
        "mask_estimation_task": _BOXES_ALONE,
        "densepose_estimation_task": _BOXES_ALONE,
        "track_estimation_task": _BOXES_ALONE,
        "temporal_offset_task": _BOXES_ALONE,
        "deepmac_mask_estimation": _BOXES_ALONE,
        "output_prediction_dict": Only(False),
    },
    refusals=(_extractor, _keypoints),
    relations=(_input_size, _sides),
    no_effect={
        "compute_heatmap_sparse": HOW_ALONE,
        "keypoint_label_map_path": NoEffect("there are boxes here and no keypoints"),
        **dict.fromkeys(
            ("post_processing.score_converter", "post_processing.logit_scale"),
            NoEffect("a CenterNet does not convert scores, in the OD API neither"),
        ),
    },
)
