"""The size of a box and the place of its centre within a cell, of a CenterNet."""

from boxwright.catalog.ranges import NOT_NEGATIVE
from boxwright.catalog.spec import Block, Spec

SPEC = Spec(
    fields={
        "task_loss_weight": NOT_NEGATIVE,
        "offset_loss_weight": NOT_NEGATIVE,
        "scale_loss_weight": NOT_NEGATIVE,
        # The OD API's other ones take codes of four numbers.
        "localization_loss": Block(needed=True, among=("l1_localization_loss",)),
    },
)
