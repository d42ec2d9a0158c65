"""The head that predicts box codes and class logits. The family's message says which ones it allows."""

from boxwright.catalog.spec import Spec

SPEC = Spec(choices=("convolutional_box_predictor", "mask_rcnn_box_predictor"))
