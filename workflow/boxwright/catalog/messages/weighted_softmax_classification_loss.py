"""Cross entropy of a softmax over all classes."""

from boxwright.catalog.ranges import POSITIVE
from boxwright.catalog.spec import Spec

SPEC = Spec(fields={"logit_scale": POSITIVE})
