"""The interface of an image resizer, and what all resizers share.

All interpolation is TF1's, without half-pixel centers: sample y of the result lies at y * (old / new).
Padding goes to the bottom and the right.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf

# Height and width.
Size = tuple[int, int]
# float32 or uint8 [H, W, 3], values 0..255 -> (float32 [h, w, c], int32 [3]: height, width, channels without padding)
Resize = Callable[["tf.Tensor"], tuple["tf.Tensor", "tf.Tensor"]]


@dataclass(frozen=True)
class Resizer:
    """A resizer, and what a model must know about it before it sees an image.

    resize: the function.
    sizes: from height and width of an image to the result's size without and with padding; needs no TensorFlow.
    static_size: the size of every result, with padding; None if results differ.
    pads: whether some results have padding.
    channels: channels of the result, 1 after `convert_to_grayscale`, else 3.
    """

    resize: Resize
    sizes: Callable[[int, int], tuple[Size, Size]]
    static_size: Size | None = None
    pads: bool = False
    channels: int = 3

    @property
    def affine(self) -> bool:
        """Whether resizing commutes with a * x + b on all pixels: nothing is padded and no channels are mixed."""
        return not self.pads and self.channels == 3

    @property
    def batched(self) -> bool:
        """Whether `resize` also takes a batch [B, H, W, 3] (its second result is then meaningless)."""
        return self.static_size is not None and not self.pads


def interpolate(image: "tf.Tensor", size: "Size | tf.Tensor", method: str, align_corners: bool = False) -> "tf.Tensor":
    """Image [..., H, W, C] of any type -> float32 [..., *size, C].

    method: BILINEAR, NEAREST_NEIGHBOR, BICUBIC or AREA. align_corners: whether the corners of both images coincide.
    """
    import tensorflow as tf

    method = getattr(tf.compat.v1.image.ResizeMethod, method)
    return tf.cast(tf.compat.v1.image.resize(image, size, method, align_corners=align_corners), tf.float32)


def in_gray(resizer: Resizer, wanted: bool = True) -> Resizer:
    """The resizer with its results in grey (luma, one channel) if `wanted`, else unchanged."""
    if not wanted:
        return resizer

    def resize(image: "tf.Tensor") -> tuple["tf.Tensor", "tf.Tensor"]:
        import tensorflow as tf

        resized, shape = resizer.resize(image)
        return tf.image.rgb_to_grayscale(resized), tf.concat([shape[:2], [1]], 0)

    return replace(resizer, resize=resize, channels=1)
