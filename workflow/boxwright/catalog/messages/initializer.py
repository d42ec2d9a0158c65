"""How the first values of weights are drawn."""

from boxwright.catalog.spec import Spec

SPEC = Spec(choices=("truncated_normal_initializer", "random_normal_initializer", "variance_scaling_initializer"))
