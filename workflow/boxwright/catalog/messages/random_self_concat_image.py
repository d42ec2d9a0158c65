"""Puts an image beside itself."""

from boxwright.catalog.ranges import SHARE
from boxwright.catalog.spec import Spec

SPEC = Spec(fields={"concat_vertical_probability": SHARE, "concat_horizontal_probability": SHARE})
