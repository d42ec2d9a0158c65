"""Which optimizer trains, and whether averages of the weights are kept."""

from boxwright.catalog.ranges import SHARE
from boxwright.catalog.spec import Spec

SPEC = Spec(
    choices=("momentum_optimizer", "adam_optimizer", "rms_prop_optimizer"),
    fields={"moving_average_decay": SHARE},
    unread={"moving_average_decay": lambda optimizer: not optimizer.use_moving_average},
)
