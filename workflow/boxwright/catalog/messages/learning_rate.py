"""Which schedule the learning rate follows."""

from boxwright.catalog.spec import Spec

SPEC = Spec(
    choices=(
        "cosine_decay_learning_rate",
        "constant_learning_rate",
        "exponential_decay_learning_rate",
        "manual_step_learning_rate",
    )
)
