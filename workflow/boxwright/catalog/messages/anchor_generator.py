"""Where the anchors are. Which of the generators go with a family, the family's message says."""

from boxwright.catalog.spec import Spec

SPEC = Spec(choices=("ssd_anchor_generator", "multiscale_anchor_generator", "grid_anchor_generator"))
