"""Softmax cross entropy against another model's logits."""

from boxwright.catalog.ranges import POSITIVE
from boxwright.catalog.spec import Spec

SPEC = Spec(fields={"logit_scale": POSITIVE})
