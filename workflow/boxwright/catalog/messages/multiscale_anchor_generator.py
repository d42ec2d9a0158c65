"""Anchors of a feature pyramid: a base size per level and several scales per octave."""

from google.protobuf.message import Message

from boxwright.catalog.ranges import POSITIVE, Range
from boxwright.catalog.relations import not_empty, ordered
from boxwright.catalog.spec import Spec


def layers(message: Message) -> int:
    """How many feature maps the generator has anchors for."""
    return message.max_level - message.min_level + 1


SPEC = Spec(
    fields={
        "min_level": Range(0, 30),
        "max_level": Range(0, 30),
        "anchor_scale": POSITIVE,
        "scales_per_octave": Range(1, 100),
        "aspect_ratios": POSITIVE,
    },
    relations=(ordered("min_level", "max_level"), not_empty("aspect_ratios")),
)
