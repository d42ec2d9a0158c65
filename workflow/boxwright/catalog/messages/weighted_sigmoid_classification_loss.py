"""Sigmoid cross entropy of each class by itself."""

from boxwright.catalog.spec import NOT_READ_BY_OD_API, Spec

SPEC = Spec(no_effect={"anchorwise_output": NOT_READ_BY_OD_API})
