"""The root of a pipeline.config."""

from boxwright.catalog.spec import Spec

SPEC = Spec(unread={"eval_input_reader": lambda config: True})
