"""A convolution per feature map, each with its own weights."""

from boxwright.catalog.ranges import CHANNELS, LAYERS, PART, Range
from boxwright.catalog.spec import Spec

SPEC = Spec(
    fields={
        "min_depth": Range(0, CHANNELS),
        "max_depth": Range(0, CHANNELS),
        "num_layers_before_predictor": Range(-(2**31), LAYERS),
        "dropout_keep_probability": PART,
        "kernel_size": Range(1, 100),
    },
    unread={"dropout_keep_probability": lambda message: not message.use_dropout},
)
