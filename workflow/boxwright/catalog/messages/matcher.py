"""How anchors are matched with boxes."""

from boxwright.catalog.spec import Spec

SPEC = Spec(choices=("argmax_matcher",))
