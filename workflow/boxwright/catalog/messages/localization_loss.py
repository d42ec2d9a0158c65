"""Which loss the box codes have."""

from boxwright.catalog.spec import Spec

SPEC = Spec(
    choices=("weighted_smooth_l1", "weighted_l2", "l1_localization_loss", "weighted_iou", "weighted_giou"),
)
