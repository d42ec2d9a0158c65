"""Cross entropy of a softmax over all classes."""

from boxwright.catalog.ranges import POSITIVE
from boxwright.catalog.spec import NOT_READ_BY_OD_API, Spec

SPEC = Spec(fields={"logit_scale": POSITIVE}, no_effect={"anchorwise_output": NOT_READ_BY_OD_API})
