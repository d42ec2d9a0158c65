"""One of the crops with padding that the SSD augmentation chooses from."""

from boxwright.catalog.messages.random_crop_pad_image import PADDED, PAIRS
from boxwright.catalog.messages.ssd_random_crop_operation import SPEC as CROP
from boxwright.catalog.ranges import Range
from boxwright.catalog.spec import Spec

COLOR = Range(0, 255)

SPEC = Spec(
    fields={
        **CROP.fields,
        "min_padded_size_ratio": PADDED,
        "max_padded_size_ratio": PADDED,
        "pad_color_r": COLOR,
        "pad_color_g": COLOR,
        "pad_color_b": COLOR,
    },
    relations=(*CROP.relations, *PAIRS),
)
