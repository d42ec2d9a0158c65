"""The levels and the depth of a feature pyramid."""

from boxwright.catalog.ranges import CHANNELS, Range
from boxwright.catalog.spec import Spec

# The backbones have maps of the levels 2 to 5, and all of them are in use below the last level.
SPEC = Spec(
    fields={
        "min_level": Range(2, 5),
        "max_level": Range(5, 14),
        "additional_layer_depth": Range(1, CHANNELS),
    },
)
