"""The heat map of object centres of a CenterNet."""

from boxwright.catalog.ranges import COUNT, NOT_NEGATIVE, Range
from boxwright.catalog.spec import Block, NoEffect, Only, Spec

SPEC = Spec(
    fields={
        "object_center_loss_weight": NOT_NEGATIVE,
        # Targets are between 0 and 1 around a centre.
        "classification_loss": Block(needed=True, among=("penalty_reduced_logistic_focal_loss",)),
        "min_box_overlap_iou": Range(0, 1, above=True, below=True),
        "max_box_predictions": COUNT,
        "peak_max_pool_kernel_size": Range(1, 100),
        "use_labeled_classes": Only(False, "the data does not say which classes of an image were looked for"),
        "keypoint_weights_for_center": Range(),
    },
    no_effect={"keypoint_weights_for_center": NoEffect("there are boxes here and no keypoints")},
)
