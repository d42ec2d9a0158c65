"""Keeps the anchors with the largest loss."""

from boxwright.catalog.ranges import SHARE
from boxwright.catalog.spec import Spec

SPEC = Spec(fields={"iou_threshold": SHARE})
