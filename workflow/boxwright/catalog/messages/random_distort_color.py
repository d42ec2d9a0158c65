"""Changes brightness, contrast, hue and saturation in one of two orders."""

from boxwright.catalog.ranges import Range
from boxwright.catalog.spec import Spec

SPEC = Spec(fields={"color_ordering": Range(0, 1)})
