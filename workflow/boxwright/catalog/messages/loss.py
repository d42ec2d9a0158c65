"""Localisation and classification loss of an SSD, their weights, and which anchors count."""

from collections.abc import Iterator

from google.protobuf.message import Message

from boxwright.catalog.ranges import NOT_NEGATIVE
from boxwright.catalog.spec import Block, Break, NoEffect, Only, Spec, relation


@relation()
def _mining(message: Message) -> Iterator[Break]:
    """Both choose the hard examples."""
    if message.HasField("hard_example_miner") and message.classification_loss.HasField("weighted_sigmoid_focal"):
        why = "it cannot be combined with weighted_sigmoid_focal; leave one of the two out"
        yield "hard_example_miner", "set", why, None


# The others are for heat maps.
_OF_ANCHORS = (
    "weighted_sigmoid_focal",
    "weighted_sigmoid",
    "weighted_softmax",
    "weighted_logits_softmax",
    "bootstrapped_sigmoid",
)

SPEC = Spec(
    fields={
        "localization_loss": Block(needed=True),
        "classification_loss": Block(needed=True, among=_OF_ANCHORS),
        "classification_weight": NOT_NEGATIVE,
        "localization_weight": NOT_NEGATIVE,
        "expected_loss_weights": Only("NONE"),
    },
    relations=(_mining,),
    no_effect={
        "equalization_loss": NoEffect("its weight is 0", lambda message: not message.equalization_loss.weight),
        **dict.fromkeys(
            ("min_num_negative_samples", "desired_negative_sampling_ratio"),
            NoEffect("they belong to expected_loss_weights, which the engine does not have"),
        ),
    },
)
