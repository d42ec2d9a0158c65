"""The levels and the depth of a feature pyramid."""

from boxwright.catalog.ranges import CHANNELS, Range
from boxwright.catalog.relations import ordered
from boxwright.catalog.spec import Spec

# The backbones have maps of the levels 2 to 5.
SPEC = Spec(
    fields={
        "min_level": Range(2, 5),
        "max_level": Range(2, 14),
        "additional_layer_depth": Range(1, CHANNELS),
    },
    relations=(ordered("min_level", "max_level"),),
)
