"""Random augmentation of one image with its boxes, as the pipeline.config's `data_augmentation_options` list it.

Supported are the 11 options that the OD API's published configurations use, with its meaning of every field. Each is
a pure function of (sample, seed): stateless random numbers, so a training run can continue anywhere. Geometry is in
crops.py; here are the list itself, the flip and the photometric options.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf
from google.protobuf.message import Message

from boxwright.boxes import geometry
from boxwright.catalog import check
from boxwright.catalog.findings import Finding, RefusedError
from boxwright.training import crops
from boxwright.training.crops import Augmentation, Sample

uniform = tf.random.stateless_uniform


def build(options: Sequence[Message]) -> Augmentation:
    """One function (sample, seed) -> sample that applies `options`, a list of `PreprocessingStep`, in their order.

    `seed` is an integer tensor [2]; each option draws from its own stream. Boxes that a crop leaves without area are
    removed with their class and weight.
    Raises UserError, naming all options concerned, where one is not supported or its fields make no sense.
    """
    steps: list[Augmentation] = []
    found: list[Finding] = []
    for position, option in enumerate(options):
        here = check.findings(option, f"train_config.data_augmentation_options.{position}", needed=True)
        if not here:
            kind = option.WhichOneof("preprocessing_step")
            steps.append(_BUILDERS[kind](getattr(option, kind)))
        found += here
    if found:
        raise RefusedError(found)

    def apply(sample: Sample, seed: tf.Tensor) -> Sample:
        for position, step in enumerate(steps):
            sample = step(sample, tf.random.experimental.stateless_fold_in(seed, position))
        return sample

    return apply


def _horizontal_flip(config: Message) -> Augmentation:
    def flip(sample: Sample) -> Sample:
        return sample._replace(image=tf.reverse(sample.image, axis=[1]), boxes=geometry.flip_horizontally(sample.boxes))

    def apply(sample: Sample, seed: tf.Tensor) -> Sample:
        return tf.cond(uniform([], seed) < config.probability, lambda: flip(sample), lambda: sample)

    return apply


def _photometric(low: float, high: float, adjust: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> Augmentation:
    """`adjust(image in 0..1, amount)` with an amount uniform in [low, high), clipped to 0..1; boxes stay."""

    def apply(sample: Sample, seed: tf.Tensor) -> Sample:
        amount = uniform([], seed, low, high)
        image = adjust(tf.cast(sample.image, tf.float32) / 255.0, amount)
        return sample._replace(image=tf.clip_by_value(image, 0.0, 1.0) * 255.0)

    return apply


def _brightness(config: Message) -> Augmentation:
    return _photometric(-config.max_delta, config.max_delta, lambda image, amount: image + amount)


def _contrast(config: Message) -> Augmentation:
    return _photometric(config.min_delta, config.max_delta, tf.image.adjust_contrast)


def _hue(config: Message) -> Augmentation:
    return _photometric(-config.max_delta, config.max_delta, tf.image.adjust_hue)


def _saturation(config: Message) -> Augmentation:
    return _photometric(config.min_delta, config.max_delta, tf.image.adjust_saturation)


_BUILDERS: dict[str, Callable[[Message], Augmentation]] = {
    "random_horizontal_flip": _horizontal_flip,
    "random_adjust_brightness": _brightness,
    "random_adjust_contrast": _contrast,
    "random_adjust_hue": _hue,
    "random_adjust_saturation": _saturation,
    "random_crop_image": crops.random_crop_image,
    "ssd_random_crop": crops.ssd_random_crop,
    "ssd_random_crop_fixed_aspect_ratio": crops.ssd_random_crop_fixed_aspect_ratio,
    "random_absolute_pad_image": crops.random_absolute_pad_image,
    "random_square_crop_by_scale": crops.random_square_crop_by_scale,
    "random_scale_crop_and_pad_to_square": crops.random_scale_crop_and_pad_to_square,
}
