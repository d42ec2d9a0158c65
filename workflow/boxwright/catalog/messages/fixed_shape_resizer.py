"""Images are resized to a given height and width."""

from google.protobuf.message import Message

from boxwright.catalog.ranges import PIXELS
from boxwright.catalog.spec import Spec


def sides(message: Message) -> tuple[str, ...]:
    """The fields that limit how small the sides of an image get."""
    return "height", "width"


def fixed(message: Message) -> tuple[str, ...]:
    """The fields that are, or divide, the sides of every image."""
    return "height", "width"


SPEC = Spec(fields={"height": PIXELS, "width": PIXELS})
