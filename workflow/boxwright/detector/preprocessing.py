"""Preprocessing of images for the network: resized, padded, normalised."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from boxwright.detector.resizers.resizer import Resizer


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """One image, uint8 or float32 [H, W, 3] of 0..255 -> float32 [h, w, channels] and int32 [3], its shape unpadded.

    resizer: resizes and pads. normalize: a function of `normalization`.
    black_padding: True: padding is black, so the image is padded and then normalised (Faster R-CNN). False: padding is
        0 in normalised pixels, so the image is normalised and then padded (SSD). If the order makes no difference, the
        resized image is normalised, since it is usually smaller.
    """

    resizer: Resizer
    normalize: Callable[[tf.Tensor], tf.Tensor]
    black_padding: bool

    def __call__(self, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        if self.black_padding or self.resizer.affine:
            resized, shape = self.resizer.resize(image)
            return self.normalize(resized), shape
        return self.resizer.resize(self.normalize(tf.cast(image, tf.float32)))

    def batch(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Images of one size [B, H, W, 3], each preprocessed: float32 [B, h, w, channels] and int32 [B, 3]."""
        if not self.resizer.batched:
            return tf.map_fn(self, images, fn_output_signature=(tf.float32, tf.int32))
        # With one output shape, resizing and normalising work on a whole batch, without a loop in the graph.
        pixels, _ = self(images)
        return pixels, tf.tile([pixels.shape[1:].as_list()], [tf.shape(images)[0], 1])

    @property
    def channels(self) -> int:
        """Channels of the result."""
        return self.resizer.channels

    @property
    def static_size(self) -> tuple[int, int] | None:
        """Height and width of every result; None where they depend on the image."""
        return self.resizer.static_size

    @property
    def padding_value(self) -> np.ndarray | float:
        """The value that pads smaller images of a batch, as preprocessing pads: one number, or one per channel."""
        if not self.black_padding:
            return 0.0
        return self.normalize(tf.zeros([1, self.channels]))[0].numpy()
