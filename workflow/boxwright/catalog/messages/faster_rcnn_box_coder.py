"""Centres and logarithms of sides, each divided by the anchor's."""

from boxwright.catalog.ranges import POSITIVE
from boxwright.catalog.spec import Spec

SPEC = Spec(fields=dict.fromkeys(("y_scale", "x_scale", "height_scale", "width_scale"), POSITIVE))
