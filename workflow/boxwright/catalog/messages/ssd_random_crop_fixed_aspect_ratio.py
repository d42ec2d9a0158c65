"""The crop of SSD with a fixed aspect ratio."""

from boxwright.catalog.ranges import POSITIVE
from boxwright.catalog.spec import Spec

SPEC = Spec(fields={"aspect_ratio": POSITIVE})
