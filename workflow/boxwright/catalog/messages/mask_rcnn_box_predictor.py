"""Fully connected layers on the pooled features of a proposal."""

from boxwright.catalog.messages.hyperparams import WITHOUT_BATCH_NORM
from boxwright.catalog.ranges import PART
from boxwright.catalog.spec import Only, Spec

SPEC = Spec(
    fields={
        "fc_hyperparams": WITHOUT_BATCH_NORM,
        "dropout_keep_probability": PART,
        "box_code_size": Only(4),
        "predict_instance_masks": Only(False),
        "predict_keypoints": Only(False),
    },
    unread={
        "dropout_keep_probability": lambda message: not message.use_dropout,
        # They are those of the mask branch.
        "conv_hyperparams": lambda message: not message.predict_instance_masks,
    },
)
