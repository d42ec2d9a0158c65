"""One step of data augmentation."""

from boxwright.catalog.spec import Spec

# Only the images of the training go through these steps.
_TRAINING_ALONE = "it changes the images of the training alone, so the detector would see others when it is used"
_NORMALIZED = f"{_TRAINING_ALONE}; the feature extractor normalises pixels by itself; leave it out"

SPEC = Spec(
    choices=(
        "adjust_gamma",
        "drop_label_probabilistically",
        "random_absolute_pad_image",
        "random_adjust_brightness",
        "random_adjust_contrast",
        "random_adjust_hue",
        "random_adjust_saturation",
        "random_black_patches",
        "random_crop_image",
        "random_crop_pad_image",
        "random_crop_to_aspect_ratio",
        "random_distort_color",
        "random_downscale_to_target_pixels",
        "random_horizontal_flip",
        "random_image_scale",
        "random_jitter_boxes",
        "random_jpeg_quality",
        "random_pad_image",
        "random_patch_gaussian",
        "random_pixel_value_scale",
        "random_resize_method",
        "random_rgb_to_gray",
        "random_rotation90",
        "random_scale_crop_and_pad_to_square",
        "random_self_concat_image",
        "random_square_crop_by_scale",
        "random_vertical_flip",
        "remap_labels",
        "resize_image",
        "ssd_random_crop",
        "ssd_random_crop_fixed_aspect_ratio",
        "ssd_random_crop_pad",
        "ssd_random_crop_pad_fixed_aspect_ratio",
    ),
    usual=False,
    reasons={
        "normalize_image": _NORMALIZED,
        "subtract_channel_mean": _NORMALIZED,
        "scale_boxes_to_pixel_coordinates": "boxes are normalised in training; leave it out",
        "rgb_to_gray": f"{_TRAINING_ALONE}; for gray images in both, set convert_to_grayscale in image_resizer, "
        "and for some gray ones in training use random_rgb_to_gray",
        "convert_class_logits_to_softmax": "the data has classes and no logits; leave it out",
    },
)
