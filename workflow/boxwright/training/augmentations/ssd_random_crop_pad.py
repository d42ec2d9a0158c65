"""Crop an image as in the training of SSD, and put the crop at a random place of a larger image."""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from boxwright.training.augmentations import padding
from boxwright.training.augmentations.crop_rules import SSD_RULES, crop_and_tell, rule
from boxwright.training.augmentations.example import Augmentation, TrainingExample

_LEAST, _MOST = "min_padded_size_ratio", "max_padded_size_ratio"
_COLOR = ("pad_color_r", "pad_color_g", "pad_color_b")


def make(*, operations: Sequence[Mapping[str, Any]] = ()) -> Augmentation:
    """Crops and pads by one of `operations`, each equally likely; by default the paper's rules that need an object.

    operations: the fields of `crop_rules.rule`; the two padded ratios (height and width as multiples of those before
    the crop, by default 1 and 2); the colour of the padding, by default black. Without operations it is the mean of the
    crop.
    """
    about_padding = {_LEAST, _MOST, *_COLOR}
    rules = [rule(**{name: value for name, value in each.items() if name not in about_padding}) for each in operations]
    crop = crop_and_tell(rules or [each for each in SSD_RULES if each.min_object_covered > 0])
    given = operations or [{}]
    least = tf.constant([each.get(_LEAST) or [1.0, 1.0] for each in given], tf.float32)
    most = tf.constant([each.get(_MOST) or [2.0, 2.0] for each in given], tf.float32)
    colors = tf.constant([[each.get(name, 0.0) for name in _COLOR] for each in given], tf.float32)

    def apply(example: TrainingExample, seed: tf.Tensor) -> TrainingExample:
        seeds = tf.random.split(seed, 2)
        size = tf.shape(example.image)[:2]
        cropped, choice = crop(example, seeds[0])
        choice = choice if operations else 0
        color = colors[choice] if operations else tf.reduce_mean(tf.cast(cropped.image, tf.float32), [0, 1])
        sizes = (padding.times(size, ratios[choice]) for ratios in (least, most))
        return padding.pad(cropped, *sizes, color, seeds[1])

    return apply
