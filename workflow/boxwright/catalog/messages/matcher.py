"""Which box each anchor learns."""

from boxwright.catalog.spec import Spec

SPEC = Spec(choices=("argmax_matcher",))
