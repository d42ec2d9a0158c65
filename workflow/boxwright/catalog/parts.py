"""The packages with the parts that messages choose from.

A part implements one alternative of a message's oneof: an anchor generator, a loss, an augmentation. Each part is a
module with the alternative's name in the OD API's schema. It has one function, `make`, which takes the numbers of the
alternative's message by the names of its fields.
"""

# By message: the package with the modules of its alternatives.
ROOMS = {
    "AnchorGenerator": "boxwright.boxes.anchors",
    "BoxCoder": "boxwright.boxes.coders",
    "ClassificationLoss": "boxwright.boxes.losses",
    "ImageResizer": "boxwright.detector.resizers",
    "LocalizationLoss": "boxwright.boxes.losses",
    "Matcher": "boxwright.boxes.matchers",
    "Optimizer": "boxwright.training.optimizers",
    "PreprocessingStep": "boxwright.training.augmentations",
}
