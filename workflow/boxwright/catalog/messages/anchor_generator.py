"""The choice of the anchor generator. The family's message says which ones it allows."""

from boxwright.catalog.spec import Spec

SPEC = Spec(
    choices=(
        "ssd_anchor_generator",
        "multiscale_anchor_generator",
        "grid_anchor_generator",
        "flexible_grid_anchor_generator",
    )
)
