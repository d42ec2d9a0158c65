"""The same convolutions on all feature maps, with a batch norm for each map."""

from boxwright.catalog.ranges import CHANNELS, LAYERS, PART, Range
from boxwright.catalog.spec import Block, Only, Spec

_SYNCHRONISED = Only(
    None,
    "with it the OD API leaves batch norm out of this head; use `batch_norm`, which takes the statistics of the whole "
    "batch here too",
)

SPEC = Spec(
    fields={
        "conv_hyperparams": Block(fields={"sync_batch_norm": _SYNCHRONISED}),
        "depth": Range(1, CHANNELS, use=256),
        "num_layers_before_predictor": Range(0, LAYERS),
        "dropout_keep_probability": PART,
        "kernel_size": Range(1, 100),
    },
    unread={
        "dropout_keep_probability": lambda message: not message.use_dropout,
        "depth": lambda message: not message.num_layers_before_predictor,
    },
)
