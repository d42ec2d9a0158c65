"""How boxes are encoded relative to their anchors."""

from boxwright.catalog.spec import Spec

# The numbers in a code, by alternative.
CODE_SIZES = {"faster_rcnn_box_coder": 4, "mean_stddev_box_coder": 4, "square_box_coder": 3}

SPEC = Spec(choices=tuple(CODE_SIZES))
