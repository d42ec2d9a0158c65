"""What the engine can do with a pipeline configuration, said without importing it.

The engine refuses for itself, with more detail; this is for whoever asks before TensorFlow starts. A test holds these
tables against the engine.
"""

import difflib
import functools
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.message import Message

from boxwright.catalog import limits, nearest
from boxwright.catalog.families import FAMILIES
from boxwright.catalog.nearest import EXTRACTORS
from boxwright.protos import model_of

_RESIZERS = (
    "fixed_shape_resizer",
    "keep_aspect_ratio_resizer",
    "identity_resizer",
    "conditional_shape_resizer",
    "pad_to_multiple_resizer",
)
_CLASSIFICATION_LOSSES = (
    "weighted_sigmoid_focal",
    "weighted_sigmoid",
    "weighted_softmax",
    "weighted_logits_softmax",
    "bootstrapped_sigmoid",
)
# What these blocks may hold, of which one must be chosen (None: or nothing), the usual choice first.
CHOICES: dict[str, tuple[str | None, ...]] = {
    "ssd.image_resizer": _RESIZERS,
    "ssd.box_coder": ("faster_rcnn_box_coder", "mean_stddev_box_coder"),
    "ssd.matcher": ("argmax_matcher",),
    "ssd.similarity_calculator": (
        "iou_similarity",
        "ioa_similarity",
        "neg_sq_dist_similarity",
        "thresholded_iou_similarity",
    ),
    "ssd.box_predictor": ("convolutional_box_predictor",),
    "ssd.anchor_generator": ("ssd_anchor_generator", "multiscale_anchor_generator", "grid_anchor_generator"),
    "ssd.loss.classification_loss": _CLASSIFICATION_LOSSES,
    "ssd.loss.localization_loss": (
        "weighted_smooth_l1",
        "weighted_l2",
        "l1_localization_loss",
        "weighted_iou",
        "weighted_giou",
    ),
    "faster_rcnn.image_resizer": _RESIZERS,
    "faster_rcnn.first_stage_anchor_generator": ("grid_anchor_generator",),
    "faster_rcnn.second_stage_box_predictor": ("mask_rcnn_box_predictor",),
    # The OD API takes any other one for softmax.
    "faster_rcnn.second_stage_classification_loss": (
        "weighted_softmax",
        "weighted_sigmoid",
        "weighted_sigmoid_focal",
        "weighted_logits_softmax",
        None,
    ),
}
# Settings of convolutions, and the one value that their fields may have.
_CONVOLUTIONS = {"op": "CONV", "force_use_bias": False, "group_norm": None}
# The one value that these fields may have; a message (None) must not be set at all.
ONLY: dict[str, dict[str, Any]] = {
    "ssd": {"explicit_background_class": False, "use_confidences_as_targets": False, "mask_head_config": None},
    "ssd.loss": {"expected_loss_weights": "NONE"},
    "ssd.feature_extractor": {
        "fpn": None,
        "bifpn": None,
        "replace_preprocessor_with_placeholder": False,
        "spaghettinet_arch_name": "",
        "use_hardswish": False,
    },
    "ssd.feature_extractor.conv_hyperparams": _CONVOLUTIONS,
    "ssd.box_predictor.convolutional_box_predictor": {"box_code_size": 4},
    "ssd.box_predictor.convolutional_box_predictor.conv_hyperparams": _CONVOLUTIONS,
    "ssd.post_processing": {"calibration_config": None},
    "faster_rcnn": {
        "inplace_batchnorm_update": False,
        "use_combined_nms_in_first_stage": False,
        "output_final_box_features": False,
        "output_final_box_rpn_features": False,
        "context_config": None,
    },
    # These belong to extractors of Keras layers: the OD API's ResNets do not look at them.
    "faster_rcnn.feature_extractor": {
        "conv_hyperparams": None,
        "override_base_feature_extractor_hyperparams": False,
        "fpn": None,
        "pad_to_multiple": 32,
    },
    "faster_rcnn.first_stage_box_predictor_conv_hyperparams": {"force_use_bias": False, "group_norm": None},
    "faster_rcnn.second_stage_box_predictor.mask_rcnn_box_predictor": {
        "box_code_size": 4,
        "predict_instance_masks": False,
        "predict_keypoints": False,
    },
    "faster_rcnn.second_stage_box_predictor.mask_rcnn_box_predictor.fc_hyperparams": {
        "force_use_bias": False,
        "batch_norm": None,
        "sync_batch_norm": None,
        "group_norm": None,
    },
    "faster_rcnn.second_stage_post_processing": {"calibration_config": None},
}
# The same of the fields that say what is trained on.
DATA: dict[str, dict[str, Any]] = {
    "train_input_reader": {
        "num_epochs": 0,
        "sample_1_of_n_examples": 1,
        "num_additional_channels": 0,
        "load_multiclass_scores": False,
        "load_context_features": False,
        "expand_labels_hierarchy": False,
    },
    "train_config": {"merge_multiple_label_boxes": False, "use_multiclass_scores": False},
}
AUGMENTATIONS = (
    "random_absolute_pad_image",
    "random_adjust_brightness",
    "random_adjust_contrast",
    "random_adjust_hue",
    "random_adjust_saturation",
    "random_crop_image",
    "random_horizontal_flip",
    "random_scale_crop_and_pad_to_square",
    "random_square_crop_by_scale",
    "ssd_random_crop",
    "ssd_random_crop_fixed_aspect_ratio",
)


def unsupported(config: Message) -> Iterator[tuple[str, Any, str, Any]]:
    """What the engine lacks: the field, its value, why that is a problem, the nearest value that the engine has."""
    model, name = model_of(config)
    path = f"model.{name}"
    if name in EXTRACTORS:
        yield from _model(model, name, path)
    else:
        kind = model.name if name == "experimental_model" else model.feature_extractor.type
        field = "name" if name == "experimental_model" else "feature_extractor.type"
        use = nearest.extractor(name, kind)
        why = f"the engine does not have the meta-architecture {name}; {_whole(use)}"
        yield f"{path}.{field}", kind or None, why, use
    for place, supported in DATA.items():
        for field, value, only in differing(getattr(config, place), supported):
            yield f"{place}.{field}", value, "the engine does not read the data so", only
    for index, option in enumerate(config.train_config.data_augmentation_options):
        kind = option.WhichOneof("preprocessing_step")
        if kind not in AUGMENTATIONS:
            field = f"train_config.data_augmentation_options.{index}"
            why = "the engine does not have this augmentation" if kind else "an augmentation must be named"
            use = difflib.get_close_matches(kind, AUGMENTATIONS, n=1, cutoff=0)[0] if kind else None
            yield field, kind, why, use


def _model(model: Message, name: str, path: str) -> Iterator[tuple[str, Any, str, Any]]:
    kind = model.feature_extractor.type
    if kind not in EXTRACTORS[name]:
        use = nearest.extractor(name, kind)
        depthwise = name == "ssd" and model.box_predictor.convolutional_box_predictor.use_depthwise
        why = f"the engine does not have this feature extractor; {_whole(use, depthwise)}"
        if name == "ssd" and "resnet" in kind:
            why += f", {nearest.template(nearest.extractor('faster_rcnn', kind))} one with a ResNet"
        yield f"{path}.feature_extractor.type", kind or None, why, use
    one_stage = name == "faster_rcnn" and model.number_of_stages == 1
    if name == "faster_rcnn" and model.number_of_stages not in (1, 2):
        why = "the engine finds boxes, not masks or keypoints"
        yield f"{path}.number_of_stages", model.number_of_stages, why, 2
    for place, known in CHOICES.items():
        if message := _block(model, name, place, one_stage):
            found = message.WhichOneof(message.DESCRIPTOR.oneofs[0].name)
            if found not in known:
                why = "the engine does not have this here" if found else "one must be chosen"
                yield f"model.{place}", found, why, known[0]
    for place, supported in ONLY.items():
        if message := _block(model, name, place, one_stage):
            for field, value, only in differing(message, supported):
                why = "the engine does not have this" + ("; leave it out" if only is None else "")
                yield f"model.{place}.{field}", value, why, only
    yield from _anchors(model, name)


def _anchors(model: Message, name: str) -> Iterator[tuple[str, Any, str, Any]]:
    """An anchor generator that has not as many layers as an SSD has feature maps."""
    field = FAMILIES[name].anchor_generator
    generator = getattr(model, field)
    kind = generator.WhichOneof("anchor_generator_oneof")
    if kind not in CHOICES[f"{name}.{field}"]:
        return
    if any(limits.everywhere(generator)):
        return
    chosen = getattr(generator, kind)
    layers = {
        "ssd_anchor_generator": lambda: chosen.num_layers,
        "multiscale_anchor_generator": lambda: chosen.max_level - chosen.min_level + 1,
        "grid_anchor_generator": lambda: 1,
    }[kind]()
    maps = model.feature_extractor.num_layers if name == "ssd" else 1
    if layers != maps:
        why = f"{kind} has {layers} layers, and each needs a feature map of its own"
        yield "model.ssd.feature_extractor.num_layers", maps, why, layers if 2 <= layers <= 6 else None


def _block(model: Message, name: str, place: str, one_stage: bool) -> Message | None:
    """The message at `place` below the `model` block; None if it is another model's, or of a stage that is not run."""
    meta_architecture, *inner = place.split(".")
    if meta_architecture != name or (one_stage and place.partition(".")[2].startswith("second_stage")):
        return None
    return functools.reduce(getattr, inner, model)


def _whole(kind: str, depthwise: bool = False) -> str:
    return f"{nearest.template(kind, depthwise)} is a whole configuration with the nearest one"


def differing(message: Message, supported: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """The fields of `message` with another value than the only one: name, value, the only one.

    `supported` maps names of fields to that value, enums by name. A sub-message differs when it is set; its only value
    is None.
    """
    for name, only in supported.items():
        field = message.DESCRIPTOR.fields_by_name[name]
        if field.message_type is not None:
            if message.HasField(name):
                yield name, "set", None
            continue
        value = getattr(message, name)
        if field.enum_type is not None:
            value = field.enum_type.values_by_number[value].name
        if value != only:
            yield name, value, only
