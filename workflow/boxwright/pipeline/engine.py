"""What the engine can do with a pipeline configuration, said without importing it.

The engine refuses for itself, with more detail; this is for whoever asks before TensorFlow starts. A test holds these
tables against the engine.
"""

import difflib
from collections.abc import Iterator
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


def _nearest(name: str, known: Any) -> str:
    return difflib.get_close_matches(name, known, n=1, cutoff=0)[0]
