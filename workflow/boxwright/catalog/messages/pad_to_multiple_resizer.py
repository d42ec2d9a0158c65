"""Pads with zeros at the bottom and the right to a multiple of a number of pixels."""

from google.protobuf.message import Message

from boxwright.catalog.ranges import PIXELS
from boxwright.catalog.spec import Spec


def fixed(message: Message) -> tuple[str, ...]:
    """The fields that are, or divide, the sides of every image."""
    return ("multiple",)


SPEC = Spec(fields={"multiple": PIXELS})
