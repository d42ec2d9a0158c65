"""Anchors on grids whose places and sizes are all listed."""

from google.protobuf.message import Message

from boxwright.catalog.relations import not_empty
from boxwright.catalog.spec import Spec


def layers(message: Message) -> int:
    """How many feature maps the generator has anchors for."""
    return len(message.anchor_grid)


SPEC = Spec(relations=(not_empty("anchor_grid", use=None),))
