"""Height and width as given."""

from google.protobuf.message import Message

from boxwright.catalog.ranges import PIXELS
from boxwright.catalog.spec import Spec


def sides(message: Message) -> tuple[str, ...]:
    """The fields that bound how small the sides of an image get."""
    return "height", "width"


SPEC = Spec(fields={"height": PIXELS, "width": PIXELS})
