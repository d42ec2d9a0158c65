"""Where the parts are that messages choose.

A part is what one alternative of a message's oneof stands for: an anchor generator, a loss, an augmentation. Each is a
module that carries the alternative's name in the OD API's schema and has one function, `make`, which takes the numbers
of the alternative's message by the names of its fields.
"""

# By message: the room of the modules that its alternatives name.
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
