"""How alike an anchor and a box are."""

from boxwright.catalog.spec import Spec

SPEC = Spec(
    choices=("iou_similarity", "ioa_similarity", "neg_sq_dist_similarity", "thresholded_iou_similarity"),
)
