"""Changes the gamma of all training images."""

from boxwright.catalog.ranges import NOT_NEGATIVE, POSITIVE
from boxwright.catalog.spec import Spec

SPEC = Spec(fields={"gamma": NOT_NEGATIVE, "gain": POSITIVE})
