"""Every image is resized to the same height and width; the aspect ratio is not kept."""

from typing import TYPE_CHECKING

from boxwright.detector.resizers.resizer import Resizer, in_gray, interpolate

if TYPE_CHECKING:
    import tensorflow as tf


def make(*, height: int, width: int, resize_method: str, convert_to_grayscale: bool) -> Resizer:
    """The resizer to `height` and `width`, in pixels."""

    def resize(image: "tf.Tensor") -> tuple["tf.Tensor", "tf.Tensor"]:
        import tensorflow as tf

        resized = interpolate(image, [height, width], resize_method)
        return resized, tf.shape(resized)

    size = (height, width)
    return in_gray(Resizer(resize, lambda *_: (size, size), static_size=size), convert_to_grayscale)
