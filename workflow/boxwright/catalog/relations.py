"""What the fields of one message ask of each other, beyond the range of each."""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from google.protobuf.message import Message

from boxwright.catalog.ranges import LARGEST_SIDE
from boxwright.protos.plain import short_float

# A field below the message, its value, what is wrong with it, and a value that works (None: there is no one value).
Break = tuple[str, Any, str, Any]
Relation = Callable[[Message], Iterator[Break]]

# Images are smaller than this only by mistake: five halvings would leave nothing.
SMALLEST_SIDE = 33
# Pixels from one cell to the next of the feature map that Faster R-CNN's ResNets can give.
STRIDES = (16, 8)


def _ordered(low: str, high: str) -> Relation:
    """`low` must not be above `high`."""

    def relation(message: Message) -> Iterator[Break]:
        least, most = getattr(message, low), getattr(message, high)
        if least > most:
            yield low, _plain(least), f"it must not be above {high}, which is {_plain(most)}", _plain(most)

    return relation


def _listed(name: str, *counts: int) -> Relation:
    """The list `name` must have as many values as one of `counts`."""

    def relation(message: Message) -> Iterator[Break]:
        values = [_plain(value) for value in getattr(message, name)]
        if len(values) not in counts:
            yield name, values, f"it must have {' or '.join(map(str, counts))} values", None

    return relation


def _not_empty(name: str) -> Relation:
    def relation(message: Message) -> Iterator[Break]:
        if not getattr(message, name):
            yield name, None, "none is listed, and without one there are no anchors", [1.0]

    return relation


def _similarity(ssd: Message) -> Iterator[Break]:
    """Thresholds are shares where the similarity is one."""
    matcher, path = ssd.matcher.argmax_matcher, "matcher.argmax_matcher"
    kind = ssd.similarity_calculator.WhichOneof("region_similarity")
    if kind == "thresholded_iou_similarity" and not ssd.add_background_class:
        yield "add_background_class", False, f"{kind} takes the first class for the background", True
    if matcher.ignore_thresholds or kind not in ("iou_similarity", "ioa_similarity"):
        return
    for name in ("matched_threshold", "unmatched_threshold"):
        value = getattr(matcher, name)
        if not 0 <= value <= 1:
            yield f"{path}.{name}", _plain(value), f"{kind} is 0 to 1, and so must this be", 0.5


def _predictor_depths(ssd: Message) -> Iterator[Break]:
    """TF2's predictor refuses what the least depth decides in that of TF1."""
    predictor, path = ssd.box_predictor.convolutional_box_predictor, "box_predictor.convolutional_box_predictor"
    if ssd.feature_extractor.type.endswith("_keras"):
        for name, *rest in _ordered("min_depth", "max_depth")(predictor):
            yield f"{path}.{name}", *rest


def _mining(loss: Message) -> Iterator[Break]:
    """Both choose the hard examples."""
    if loss.HasField("hard_example_miner") and loss.classification_loss.HasField("weighted_sigmoid_focal"):
        yield "hard_example_miner", "set", "it does not go with weighted_sigmoid_focal; leave one of the two out", None


def _input_size(model: Message) -> Iterator[Break]:
    """No image may be smaller than the feature extractors take."""
    kind = model.image_resizer.WhichOneof("image_resizer_oneof")
    resizer = getattr(model.image_resizer, kind) if kind else None
    sides: tuple[str, ...] = ()
    if kind == "fixed_shape_resizer":
        sides = ("height", "width")
    elif kind == "keep_aspect_ratio_resizer":
        sides = ("max_dimension",) if resizer.pad_to_max_dimension else ("min_dimension", "max_dimension")
    elif kind == "conditional_shape_resizer" and _name(resizer, "condition") == "GREATER":
        sides = ("size_threshold",)
    for side in sides:
        if 0 < (found := getattr(resizer, side)) < SMALLEST_SIDE:
            why = f"the feature extractor needs images of {SMALLEST_SIDE} pixels and more to a side"
            yield f"image_resizer.{kind}.{side}", found, why, 300


def _channels(extractor: Message) -> Iterator[Break]:
    """The narrowest layer of 32 channels must keep one."""
    if extractor.min_depth < 1 and int(32 * extractor.depth_multiplier) < 1:
        why = f"with depth_multiplier {extractor.depth_multiplier:g} a layer would have no channels"
        yield "min_depth", extractor.min_depth, why, 8


def _depthwise(predictor: Message) -> Iterator[Break]:
    if predictor.use_depthwise and predictor.kernel_size == 1:
        yield "kernel_size", 1, "a depthwise convolution of one pixel sees no neighbours (use_depthwise is true)", 3


def _anchor_scales(anchors: Message) -> Iterator[Break]:
    if anchors.scales and len(anchors.scales) < anchors.num_layers:
        why = f"num_layers is {anchors.num_layers}; list one scale per layer, or none for min_scale to max_scale"
        yield "scales", [_plain(scale) for scale in anchors.scales], why, None
    if not anchors.scales and anchors.num_layers > 1:
        yield from _ordered("min_scale", "max_scale")(anchors)


def _anchor_places(anchors: Message) -> Iterator[Break]:
    """Strides and offsets are given for every layer and for both axes, or not at all."""
    for what in ("stride", "offset"):
        given = {name: list(getattr(anchors, name)) for name in (f"height_{what}", f"width_{what}")}
        for name, values in given.items():
            other = next(key for key in given if key != name)
            if values and len(values) != anchors.num_layers:
                yield name, values, f"num_layers is {anchors.num_layers}; list one per layer, or none", None
            elif not values and len(given[other]) == anchors.num_layers:
                yield name, None, f"it goes together with {other}; give both or none", given[other]


def _anchor_kinds(anchors: Message) -> Iterator[Break]:
    all_alike = anchors.num_layers > 1 or not anchors.reduce_boxes_in_lowest_layer
    if all_alike and not anchors.aspect_ratios and anchors.interpolated_scale_aspect_ratio <= 0:
        yield "aspect_ratios", None, "a layer has no anchors, since interpolated_scale_aspect_ratio is 0", [1.0]


def _thresholds(matcher: Message) -> Iterator[Break]:
    matched, unmatched = _plain(matcher.matched_threshold), _plain(matcher.unmatched_threshold)
    if not matcher.ignore_thresholds and unmatched > matched:
        yield "unmatched_threshold", unmatched, f"it must not be above matched_threshold, which is {matched}", matched
    elif not matcher.negatives_lower_than_unmatched and (matcher.ignore_thresholds or unmatched == matched):
        why = (
            "background is then what lies between the thresholds, which are "
            f"{'ignored' if matcher.ignore_thresholds else f'both {matched}'}"
        )
        yield "negatives_lower_than_unmatched", False, why, True


def _suppression(nms: Message) -> Iterator[Break]:
    if nms.use_combined_nms:
        yield "use_combined_nms", True, "it clips boxes too early and gives no scores of the other classes", False
    for other in ("use_static_shapes", "use_hard_nms"):
        if nms.soft_nms_sigma > 0 and getattr(nms, other):
            yield other, True, "it does not go with soft_nms_sigma", False


def _longest(resizer: Message) -> Iterator[Break]:
    """Padding makes every image as large as the limit, which is otherwise only one."""
    if resizer.pad_to_max_dimension and resizer.max_dimension > LARGEST_SIDE:
        yield "max_dimension", resizer.max_dimension, f"it must be at most {LARGEST_SIDE:,} with padding", 1024


def _condition(resizer: Message) -> Iterator[Break]:
    if (condition := _name(resizer, "condition")) not in ("GREATER", "SMALLER"):
        yield "condition", condition, "it must be GREATER (longer sides shrink) or SMALLER (shorter sides grow)", None
    elif condition == "SMALLER" and resizer.size_threshold > LARGEST_SIDE:
        yield "size_threshold", resizer.size_threshold, f"images grow to it: at most {LARGEST_SIDE:,}", 300


def _crop(faster_rcnn: Message) -> Iterator[Break]:
    size, kernel = faster_rcnn.initial_crop_size, faster_rcnn.maxpool_kernel_size
    if not size:
        why = "proposals are cropped to squares of this side for the second stage"
        yield "initial_crop_size", size, why, max(14, kernel) if kernel > 1 else 7
    else:
        yield from _ordered("maxpool_kernel_size", "initial_crop_size")(faster_rcnn)


def _stride(extractor: Message) -> Iterator[Break]:
    found = extractor.first_stage_features_stride
    if found not in STRIDES:
        yield "first_stage_features_stride", found, "the ResNets have the strides 16 and 8", STRIDES[0]


def _warmup(schedule: Message) -> Iterator[Break]:
    total, warmup = schedule.total_steps, schedule.warmup_steps
    if warmup > total:
        yield "warmup_steps", warmup, f"the warm-up is longer than the whole schedule of {total} steps", total // 10


def _warmup_rate(schedule: Message) -> Iterator[Break]:
    if schedule.warmup_steps and schedule.warmup_learning_rate > schedule.learning_rate_base:
        base = short_float(schedule.learning_rate_base)
        why = f"the warm-up starts above the base rate {base}"
        yield "warmup_learning_rate", _plain(schedule.warmup_learning_rate), why, short_float(base / 10)


def _manual_steps(schedule: Message) -> Iterator[Break]:
    found = [{"step": entry.step, "learning_rate": _plain(entry.learning_rate)} for entry in schedule.schedule]
    later = found[1:] if found and found[0]["step"] == 0 else found
    if not found:
        yield "schedule", None, "it has no entry; a constant rate is a constant_learning_rate", None
    elif any(entry["step"] >= after["step"] for entry, after in pairwise([{"step": 0}, *later])):
        yield "schedule", found, "the steps must rise from 1 on", None
    elif later != found:
        yield (
            "schedule",
            found,
            "the steps must rise from 1 on; before the first, initial_learning_rate holds",
            (later or None),
        )


def _patterns(name: str) -> Relation:
    def relation(train: Message) -> Iterator[Break]:
        for index, pattern in enumerate(getattr(train, name)):
            try:
                re.compile(pattern)
            except re.error as error:
                yield f"{name}.{index}", pattern, f"it is not a regular expression: {error}", re.escape(pattern)

    return relation


def _plain(value: float) -> float:
    return short_float(value) if isinstance(value, float) else value


def _name(message: Message, field: str) -> str:
    """The name of an enum's value."""
    return message.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number[getattr(message, field)].name


_CROP = ((("min_area", "max_area"), _ordered("min_area", "max_area")),)
_ASPECT = ((("min_aspect_ratio", "max_aspect_ratio"), _ordered("min_aspect_ratio", "max_aspect_ratio")),)
_DELTA = ((("min_delta", "max_delta"), _ordered("min_delta", "max_delta")),)
_SCALE = ((("scale_min", "scale_max"), _ordered("scale_min", "scale_max")),)

# By message: the fields that must be within their ranges first, and what is asked of them.
RELATIONS: dict[str, tuple[tuple[tuple[str, ...], Relation], ...]] = {
    "Ssd": (((), _similarity), ((), _input_size), ((), _predictor_depths)),
    "Loss": (((), _mining),),
    "SsdFeatureExtractor": ((("min_depth", "depth_multiplier"), _channels),),
    "ConvolutionalBoxPredictor": ((("kernel_size",), _depthwise),),
    "BoxEncodingsClipRange": ((("min", "max"), _ordered("min", "max")),),
    "SsdAnchorGenerator": (
        (("num_layers", "scales", "min_scale", "max_scale"), _anchor_scales),
        (("num_layers",), _anchor_places),
        (("num_layers", "aspect_ratios"), _anchor_kinds),
    ),
    "GridAnchorGenerator": (((), _not_empty("scales")), ((), _not_empty("aspect_ratios"))),
    "MultiscaleAnchorGenerator": (
        (("min_level", "max_level"), _ordered("min_level", "max_level")),
        ((), _not_empty("aspect_ratios")),
    ),
    "ArgMaxMatcher": (((), _thresholds),),
    "BatchNonMaxSuppression": (
        (
            ("max_detections_per_class", "max_total_detections"),
            _ordered("max_detections_per_class", "max_total_detections"),
        ),
        (("soft_nms_sigma",), _suppression),
    ),
    "KeepAspectRatioResizer": (
        (("min_dimension", "max_dimension"), _ordered("min_dimension", "max_dimension")),
        (("max_dimension",), _longest),
        ((), _listed("per_channel_pad_value", 0, 3)),
    ),
    "ConditionalShapeResizer": ((("size_threshold",), _condition),),
    "FasterRcnn": ((("maxpool_kernel_size", "initial_crop_size"), _crop), ((), _input_size)),
    "FasterRcnnFeatureExtractor": (((), _stride),),
    "CosineDecayLearningRate": (((), _warmup), (("learning_rate_base", "warmup_learning_rate"), _warmup_rate)),
    "ManualStepLearningRate": (((), _manual_steps),),
    "TrainConfig": (
        ((), _patterns("update_trainable_variables")),
        ((), _patterns("freeze_variables")),
    ),
    "RandomAdjustContrast": _DELTA,
    "RandomAdjustSaturation": _DELTA,
    "RandomCropImage": _CROP + _ASPECT,
    "SSDRandomCropOperation": _CROP + _ASPECT,
    "SSDRandomCropFixedAspectRatioOperation": _CROP,
    "RandomAbsolutePadImage": (((), _listed("pad_color", 0, 3)),),
    "RandomSquareCropByScale": _SCALE,
    "RandomScaleCropAndPadToSquare": _SCALE,
}
