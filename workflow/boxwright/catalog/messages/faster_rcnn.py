"""Two stages: a region proposal network, then a classifier and box regressor per proposal."""

from collections.abc import Iterator

from google.protobuf.message import Message

from boxwright.catalog import extractors
from boxwright.catalog.messages import image_resizer
from boxwright.catalog.ranges import CHANNELS, CLASSES, COUNT, NOT_NEGATIVE, SHARE, Range
from boxwright.catalog.relations import unordered
from boxwright.catalog.spec import LEFT_OUT, Block, Break, Only, Spec, relation

_TYPE = "feature_extractor.type"
_SECOND_STAGE = (
    "second_stage_box_predictor",
    "second_stage_batch_size",
    "second_stage_balance_fraction",
    "second_stage_post_processing",
    "second_stage_localization_loss_weight",
    "second_stage_classification_loss_weight",
    "second_stage_mask_prediction_loss_weight",
    "hard_example_miner",
    "second_stage_classification_loss",
)


# How the features of a proposal are cut out.
_CROPS = ("initial_crop_size", "maxpool_kernel_size", "maxpool_stride")


def _one_stage(message: Message) -> bool:
    return message.number_of_stages == 1


def _no_crops(message: Message) -> bool:
    """R-FCN processes the feature map as a whole."""
    return _one_stage(message) or message.second_stage_box_predictor.HasField("rfcn_box_predictor")


def _extractor(message: Message) -> Iterator[Break]:
    return extractors.lacking(message, "faster_rcnn")


def _predictors(message: Message) -> tuple[str, ...]:
    row = extractors.row_of(message, "faster_rcnn")
    return row.predictors() if row is not None else ()


def _stages(message: Message) -> Iterator[Break]:
    """A third stage predicts masks. It is left out; with anything else, nothing is known of it."""
    masks = message.second_stage_box_predictor.mask_rcnn_box_predictor.predict_instance_masks
    if message.number_of_stages not in ((1, 2, 3) if masks else (1, 2)):
        why = "the engine finds boxes, not masks or keypoints"
        yield "number_of_stages", message.number_of_stages, why, 2


@relation("maxpool_kernel_size", "initial_crop_size")
def _crop(message: Message) -> Iterator[Break]:
    size, kernel = message.initial_crop_size, message.maxpool_kernel_size
    if not size:
        why = "proposals are cropped to squares of this side for the second stage"
        yield "initial_crop_size", size, why, max(14, kernel) if kernel > 1 else 7
    else:
        yield from unordered(message, "maxpool_kernel_size", "initial_crop_size")


@relation(_TYPE)
def _input_size(message: Message) -> Iterator[Break]:
    yield from image_resizer.too_small(message, extractors.row_of(message, "faster_rcnn"))


SPEC = Spec(
    fields={
        "num_classes": Range(1, CLASSES),
        "image_resizer": Block(needed=True),
        "first_stage_anchor_generator": Block(needed=True, among=("grid_anchor_generator",), after=_TYPE),
        "first_stage_atrous_rate": Range(1, 100),
        "first_stage_box_predictor_kernel_size": Range(1, 100),
        "first_stage_box_predictor_depth": Range(1, CHANNELS),
        "first_stage_minibatch_size": Range(1),
        "first_stage_positive_balance_fraction": SHARE,
        "first_stage_nms_iou_threshold": SHARE,
        "first_stage_max_proposals": COUNT,
        "first_stage_localization_loss_weight": NOT_NEGATIVE,
        "first_stage_objectness_loss_weight": NOT_NEGATIVE,
        "initial_crop_size": Range(0, 200, use=14),
        "maxpool_kernel_size": Range(0, 200),
        "maxpool_stride": Range(1, 200, use=2),
        "second_stage_box_predictor": Block(needed=True, among=_predictors, after=_TYPE),
        "second_stage_batch_size": COUNT,
        "second_stage_balance_fraction": SHARE,
        "second_stage_localization_loss_weight": NOT_NEGATIVE,
        "second_stage_classification_loss_weight": NOT_NEGATIVE,
        # The OD API treats any other one as softmax.
        "second_stage_classification_loss": Block(
            among=("weighted_softmax", "weighted_sigmoid", "weighted_sigmoid_focal", "weighted_logits_softmax")
        ),
        "inplace_batchnorm_update": Only(False),
        "use_combined_nms_in_first_stage": Only(False),
        "output_final_box_features": Only(False),
        "output_final_box_rpn_features": Only(False),
        "context_config": LEFT_OUT,
    },
    refusals=(_extractor, _stages),
    relations=(_crop, _input_size),
    unread={
        **dict.fromkeys(_SECOND_STAGE, _one_stage),
        **dict.fromkeys(_CROPS, _no_crops),
        "maxpool_stride": lambda message: _no_crops(message) or not message.maxpool_kernel_size,
    },
)
