"""Crops to one aspect ratio."""

from boxwright.catalog.ranges import POSITIVE, SHARE
from boxwright.catalog.spec import Spec

SPEC = Spec(fields={"aspect_ratio": POSITIVE, "overlap_thresh": SHARE})
