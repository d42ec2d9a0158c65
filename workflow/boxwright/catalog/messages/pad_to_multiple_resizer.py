"""Zeros at the bottom and the right up to a multiple of a number of pixels."""

from boxwright.catalog.ranges import PIXELS
from boxwright.catalog.spec import Spec

SPEC = Spec(fields={"multiple": PIXELS})
