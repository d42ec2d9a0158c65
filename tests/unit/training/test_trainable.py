"""Which variables are trained."""

import pytest

from boxwright.core.errors import UserError
from boxwright.training.trainable import trained

NAMES = ["Feature/conv/weights", "Feature/conv/BatchNorm/beta", "Box/weights", "Box/biases"]


def test_which_variables_are_trained():
    assert trained(NAMES) == NAMES
    assert trained(NAMES, update_trainable_variables=["^Box/"]) == ["Box/weights", "Box/biases"]
    assert trained(NAMES, freeze_variables=["BatchNorm", "biases$"]) == [
        "Feature/conv/weights",
        "Box/weights",
    ]
    assert trained(NAMES, update_trainable_variables=["^Box/"], freeze_variables=["biases"]) == ["Box/weights"]


@pytest.mark.parametrize(
    ("patterns", "named"),
    [
        ({"freeze_variables": ["Boks"]}, "Boks"),
        ({"freeze_variables": ["("]}, "regular expression"),
        ({"update_trainable_variables": ["Box"], "freeze_variables": ["."]}, "no variable to train"),
    ],
)
def test_patterns_that_cannot_be_meant_are_named(patterns, named):
    with pytest.raises(UserError, match=named):
        trained(NAMES, **patterns)
