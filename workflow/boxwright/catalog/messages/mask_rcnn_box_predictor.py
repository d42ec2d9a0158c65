"""Fully connected layers on the pooled features of a proposal."""

from boxwright.catalog.messages.hyperparams import FULLY_CONNECTED
from boxwright.catalog.ranges import PART
from boxwright.catalog.spec import Only, Spec

SPEC = Spec(
    fields={
        "fc_hyperparams": FULLY_CONNECTED,
        "dropout_keep_probability": PART,
        "box_code_size": Only(4),
        "predict_keypoints": Only(False),
    },
    unread={
        "dropout_keep_probability": lambda message: not message.use_dropout,
        # Only the mask branch uses them, and is left out.
        "conv_hyperparams": lambda message: True,
    },
)
