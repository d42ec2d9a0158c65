"""The normalisation of pixels that a message adds before that of its feature extractor."""

from collections.abc import Callable, Sequence

import tensorflow as tf

Normalize = Callable[[tf.Tensor], tf.Tensor]


def make(
    *,
    normalize: Normalize,
    channel_means: Sequence[float] = (),
    channel_stds: Sequence[float] = (),
    bgr_ordering: bool = False,
) -> Normalize:
    """`normalize` of pixels that are put in the order blue, green, red, lose the means and are divided.

    normalize: that of the feature extractor. channel_means, channel_stds: in the order after `bgr_ordering`; (): 0, 1.
    """
    if not (channel_means or channel_stds or bgr_ordering):
        return normalize

    def configured(image: tf.Tensor) -> tf.Tensor:
        if bgr_ordering and image.shape[-1] == 3:
            image = image[..., ::-1]
        if channel_means:
            image = image - tf.constant(channel_means, tf.float32)
        return normalize(image / tf.constant(channel_stds, tf.float32) if channel_stds else image)

    return configured
