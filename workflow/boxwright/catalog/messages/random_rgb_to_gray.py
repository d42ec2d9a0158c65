"""Takes the colour out of some images."""

from boxwright.catalog.ranges import SHARE
from boxwright.catalog.spec import Spec

SPEC = Spec(fields={"probability": SHARE})
