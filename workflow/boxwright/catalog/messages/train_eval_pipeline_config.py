"""The root of a pipeline.config."""

from boxwright.catalog.spec import Block, Spec

SPEC = Spec(fields={"model": Block(needed=True)}, unread={"eval_input_reader": lambda config: True})
