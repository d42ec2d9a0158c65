"""Adds noise to a square of an image."""

from boxwright.catalog.ranges import PIXELS, SHARE
from boxwright.catalog.relations import apart, ordered
from boxwright.catalog.spec import Spec

SPEC = Spec(
    fields={
        "random_coef": SHARE,
        "min_patch_size": PIXELS,
        "max_patch_size": PIXELS,
        "min_gaussian_stddev": SHARE,
        "max_gaussian_stddev": SHARE,
    },
    relations=(
        apart("min_patch_size", "max_patch_size"),
        ordered("min_gaussian_stddev", "max_gaussian_stddev"),
    ),
)
