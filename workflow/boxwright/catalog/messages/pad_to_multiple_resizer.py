"""Pads with zeros at the bottom and the right to a multiple of a number of pixels."""

from boxwright.catalog.ranges import PIXELS
from boxwright.catalog.spec import Spec

SPEC = Spec(fields={"multiple": PIXELS})
