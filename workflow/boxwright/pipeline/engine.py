"""What the engine can do with a pipeline configuration, said without importing it.

The engine refuses for itself, with more detail; this is for whoever asks before TensorFlow starts. A test holds these
tables against the engine.
"""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.message import Message

from boxwright.pipeline import model_of

EXTRACTORS = {
    "ssd": ("ssd_mobilenet_v1", "ssd_mobilenet_v1_keras", "ssd_mobilenet_v2", "ssd_mobilenet_v2_keras"),
    "faster_rcnn": ("faster_rcnn_resnet50", "faster_rcnn_resnet101", "faster_rcnn_resnet152"),
}
BOX_PREDICTORS = {
    "ssd": ("box_predictor", "convolutional_box_predictor"),
    "faster_rcnn": ("second_stage_box_predictor", "mask_rcnn_box_predictor"),
}
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
    "faster_rcnn": {
        "inplace_batchnorm_update": False,
        "return_raw_detections_during_predict": False,
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
    if name not in EXTRACTORS:
        kind = model.name if name == "experimental_model" else model.feature_extractor.type
        field = "name" if name == "experimental_model" else "feature_extractor.type"
        known = [kind for kinds in EXTRACTORS.values() for kind in kinds]
        yield f"{path}.{field}", kind, f"the engine does not have the meta-architecture {name}", _nearest(kind, known)
    else:
        yield from _model(model, name, path)
    for index, option in enumerate(config.train_config.data_augmentation_options):
        kind = option.WhichOneof("preprocessing_step")
        if kind not in AUGMENTATIONS:
            field = f"train_config.data_augmentation_options.{index}"
            yield field, kind, "the engine does not have this augmentation", _nearest(kind or "", AUGMENTATIONS)


def _model(model: Message, name: str, path: str) -> Iterator[tuple[str, Any, str, Any]]:
    kind = model.feature_extractor.type
    if kind not in EXTRACTORS[name]:
        why = "the engine does not have this feature extractor"
        yield f"{path}.feature_extractor.type", kind, why, _nearest(kind, EXTRACTORS[name])
    for place, supported in ONLY.items():
        meta_architecture, _, inner = place.partition(".")
        if meta_architecture == name:
            message = getattr(model, inner) if inner else model
            for field, value, only in differing(message, supported):
                yield f"model.{place}.{field}", value, "the engine does not have this", only
    if name == "faster_rcnn":
        if model.number_of_stages not in (1, 2):
            why = "the engine finds boxes, not masks or keypoints"
            yield f"{path}.number_of_stages", model.number_of_stages, why, 2
        if model.number_of_stages == 1:
            return
    field, known = BOX_PREDICTORS[name]
    predictor = getattr(model, field)
    found = predictor.WhichOneof("box_predictor_oneof")
    if found != known:
        yield f"{path}.{field}", found, "the engine does not have this box predictor here", known
    for task in ("predict_instance_masks", "predict_keypoints"):
        if name == "faster_rcnn" and getattr(predictor.mask_rcnn_box_predictor, task):
            why = "the engine finds boxes, not masks or keypoints"
            yield f"{path}.{field}.mask_rcnn_box_predictor.{task}", True, why, False


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


def _nearest(name: str, known: Any) -> str:
    return difflib.get_close_matches(name, known, n=1, cutoff=0)[0]
