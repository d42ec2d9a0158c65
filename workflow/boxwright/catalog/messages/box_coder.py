"""How boxes are told by their anchors."""

from boxwright.catalog.spec import Spec

SPEC = Spec(choices=("faster_rcnn_box_coder", "mean_stddev_box_coder"))
