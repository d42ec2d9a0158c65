"""Two stages: a region proposal network, then a classifier and box regressor per proposal."""

from collections.abc import Iterator

from google.protobuf.message import Message

from boxwright.catalog import extractors
from boxwright.catalog.messages import image_resizer
from boxwright.catalog.messages.mask_rcnn_box_predictor import NO_MASKS
from boxwright.catalog.ranges import CHANNELS, CLASSES, COUNT, NOT_NEGATIVE, SHARE, Range
from boxwright.catalog.relations import unordered
from boxwright.catalog.spec import HOW_ALONE, LEFT_OUT, Block, Break, NoEffect, Only, Spec, relation

_TYPE = "feature_extractor.type"
_PROPOSALS = "first_stage_box_predictor_conv_hyperparams"
_FULLY_CONNECTED = "second_stage_box_predictor.mask_rcnn_box_predictor.fc_hyperparams"
_RFCN = "second_stage_box_predictor.rfcn_box_predictor.conv_hyperparams"
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


def _rfcn(message: Message) -> bool:
    return message.second_stage_box_predictor.HasField("rfcn_box_predictor")


def _no_crops(message: Message) -> bool:
    """R-FCN processes the feature map as a whole."""
    return _one_stage(message) or _rfcn(message)


def _tf2(message: Message) -> bool:
    return extractors.is_tf2(message, "faster_rcnn")


def _penalty(message: Message) -> bool:
    """Whether a penalty is asked for that TF2's second stage does not have."""
    regularizer = message.second_stage_box_predictor.mask_rcnn_box_predictor.fc_hyperparams.regularizer
    kind = regularizer.WhichOneof("regularizer_oneof")
    return _tf2(message) and kind is not None and getattr(regularizer, kind).weight != 0


def _initial_values(message: Message) -> bool:
    """Whether other initial values are asked for than those that TF2's second stage has, which are Glorot's."""
    initializer = message.second_stage_box_predictor.mask_rcnn_box_predictor.fc_hyperparams.initializer
    glorot = initializer.variance_scaling_initializer
    alike = (glorot.factor, glorot.uniform, glorot.mode) == (1, True, glorot.FAN_AVG)
    kind = initializer.WhichOneof("initializer_oneof")
    return _tf2(message) and kind is not None and not (kind == "variance_scaling_initializer" and alike)


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
def _layers(message: Message) -> Iterator[Break]:
    """What the settings of layers can be in TF1 models."""
    kind = None if _one_stage(message) else message.second_stage_box_predictor.WhichOneof("box_predictor_oneof")
    convolutions = (_PROPOSALS, _RFCN) if kind == "rfcn_box_predictor" else (_PROPOSALS,)
    fully_connected = (_FULLY_CONNECTED,) if kind == "mask_rcnn_box_predictor" else ()
    yield from extractors.forced_biases(message, "faster_rcnn", *convolutions, *fully_connected)
    yield from extractors.synchronised(message, "faster_rcnn", *convolutions)
    yield from extractors.of_other_layers(message, "faster_rcnn", "CONV", *convolutions)
    yield from extractors.of_other_layers(message, "faster_rcnn", "FC", *fully_connected)


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
        "first_stage_nms_score_threshold": Range(most=1, below=True),
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
        "use_combined_nms_in_first_stage": Only(False),
        "context_config": LEFT_OUT,
    },
    refusals=(_extractor, _stages),
    relations=(_crop, _input_size, _layers),
    unread={
        **dict.fromkeys(_SECOND_STAGE, _one_stage),
        **dict.fromkeys(_CROPS, _no_crops),
        "maxpool_stride": lambda message: _no_crops(message) or not message.maxpool_kernel_size,
    },
    no_effect={
        f"{_PROPOSALS}.op": NoEffect("TF2 models do not read it", _tf2),
        f"{_PROPOSALS}.activation": NoEffect("this layer always has ReLU6", done="RELU_6"),
        **dict.fromkeys(
            (f"{_PROPOSALS}.{kind}.train" for kind in ("batch_norm", "sync_batch_norm")),
            NoEffect("in TF2 models this batch norm always trains", _tf2),
        ),
        f"{_FULLY_CONNECTED}.regularizer": NoEffect("TF2's second stage has no penalty", _penalty),
        f"{_FULLY_CONNECTED}.initializer": NoEffect("TF2's second stage always begins as Glorot's", _initial_values),
        "second_stage_post_processing.batch_non_max_suppression.change_coordinate_frame": NoEffect(
            "a Faster R-CNN always has the frame of the image", done=True
        ),
        **dict.fromkeys(_CROPS, NoEffect("R-FCN cuts no features out", _rfcn)),
        **dict.fromkeys(
            ("output_final_box_features", "output_final_box_rpn_features"),
            NoEffect("detections are given without features, and the training is the same"),
        ),
        **dict.fromkeys(("second_stage_mask_prediction_loss_weight", "resize_masks"), NO_MASKS),
        **dict.fromkeys(
            (
                "use_matmul_crop_and_resize",
                "use_matmul_gather_in_matcher",
                "use_static_shapes_for_eval",
                "use_partitioned_nms_in_first_stage",
            ),
            HOW_ALONE,
        ),
        "inplace_batchnorm_update": NoEffect("averages always move within the step", done=True),
        "return_raw_detections_during_predict": NoEffect("the raw boxes are always given", done=True),
    },
)
