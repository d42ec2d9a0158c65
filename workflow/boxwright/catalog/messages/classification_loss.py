"""The loss of the class logits."""

from boxwright.catalog.spec import Spec

SPEC = Spec(
    choices=(
        "weighted_sigmoid_focal",
        "weighted_sigmoid",
        "weighted_softmax",
        "weighted_logits_softmax",
        "bootstrapped_sigmoid",
        "penalty_reduced_logistic_focal_loss",
    )
)
