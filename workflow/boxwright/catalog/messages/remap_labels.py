"""Gives the boxes of some classes another class."""

from boxwright.catalog.ranges import CLASSES, Range
from boxwright.catalog.spec import Spec

ID = Range(1, CLASSES, use=1)

SPEC = Spec(fields={"original_labels": ID, "new_label": ID})
