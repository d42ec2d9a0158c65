"""Fully connected layers on the pooled features of a proposal."""

from boxwright.catalog.messages.hyperparams import FULLY_CONNECTED
from boxwright.catalog.ranges import PART
from boxwright.catalog.spec import NoEffect, Only, Spec, always

NO_MASKS = NoEffect("it is for masks, and the engine finds boxes alone")

SPEC = Spec(
    fields={
        "fc_hyperparams": FULLY_CONNECTED,
        "dropout_keep_probability": PART,
        "box_code_size": Only(4),
        "predict_keypoints": Only(False),
    },
    unread={
        "dropout_keep_probability": lambda message: not message.use_dropout,
        "conv_hyperparams": always,
    },
    no_effect={
        "fc_hyperparams.activation": NoEffect("the last layers have none", done="NONE"),
        **dict.fromkeys(
            (
                "conv_hyperparams",
                "mask_prediction_conv_depth",
                "mask_height",
                "mask_width",
                "mask_prediction_num_conv_layers",
                "masks_are_class_agnostic",
                "convolve_then_upsample_masks",
            ),
            NO_MASKS,
        ),
    },
)
