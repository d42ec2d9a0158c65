"""Which head predicts box codes and class logits. Which go with a family, the family's message says."""

from boxwright.catalog.spec import Spec

SPEC = Spec(choices=("convolutional_box_predictor", "mask_rcnn_box_predictor"))
