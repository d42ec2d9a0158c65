"""From raw predictions to detections."""

from boxwright.catalog.ranges import POSITIVE
from boxwright.catalog.spec import LEFT_OUT, Spec

SPEC = Spec(fields={"logit_scale": POSITIVE, "calibration_config": LEFT_OUT})
