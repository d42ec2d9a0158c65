"""The same convolutions on all feature maps, with a batch norm for each map."""

from boxwright.catalog.messages.hyperparams import CONVOLUTIONS
from boxwright.catalog.ranges import CHANNELS, LAYERS, PART, Range
from boxwright.catalog.spec import Only, Spec

SPEC = Spec(
    fields={
        "conv_hyperparams": CONVOLUTIONS,
        "depth": Range(1, CHANNELS, use=256),
        "num_layers_before_predictor": Range(0, LAYERS),
        "dropout_keep_probability": PART,
        "kernel_size": Range(1, 100),
        "box_code_size": Only(4),
    },
    unread={
        "dropout_keep_probability": lambda message: not message.use_dropout,
        "depth": lambda message: not message.num_layers_before_predictor,
    },
)
