"""One of the crops that are padded to one aspect ratio."""

from boxwright.catalog.messages import ssd_random_crop_operation

SPEC = ssd_random_crop_operation.SPEC
