"""Squared differences."""

from boxwright.catalog.spec import NOT_READ_BY_OD_API, Spec

SPEC = Spec(no_effect={"anchorwise_output": NOT_READ_BY_OD_API})
