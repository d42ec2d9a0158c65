"""One step of data augmentation."""

from boxwright.catalog.spec import Spec

SPEC = Spec(
    choices=(
        "random_absolute_pad_image",
        "random_adjust_brightness",
        "random_adjust_contrast",
        "random_adjust_hue",
        "random_adjust_saturation",
        "random_crop_image",
        "random_horizontal_flip",
        "random_scale_crop_and_pad_to_square",
        "random_square_crop_by_scale",
        "ssd_random_crop",
        "ssd_random_crop_fixed_aspect_ratio",
    ),
    usual=False,
)
