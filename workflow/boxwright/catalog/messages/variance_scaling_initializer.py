"""A distribution whose variance follows from the layer's number of connections."""

from boxwright.catalog.ranges import NOT_NEGATIVE
from boxwright.catalog.spec import Spec

SPEC = Spec(fields={"factor": NOT_NEGATIVE})
