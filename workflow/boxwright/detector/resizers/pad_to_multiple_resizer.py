"""Images keep their size and are padded with black, below and to the right, to a multiple of a number of pixels."""

from typing import TYPE_CHECKING

from boxwright.detector.resizers.resizer import Resizer, Size, in_gray

if TYPE_CHECKING:
    import tensorflow as tf


def make(*, multiple: int, convert_to_grayscale: bool) -> Resizer:
    """The resizer that pads each side to a multiple of `multiple` pixels."""

    def resize(image: "tf.Tensor") -> tuple["tf.Tensor", "tf.Tensor"]:
        import tensorflow as tf

        image = tf.cast(image, tf.float32)
        shape = tf.shape(image)
        missing = -shape[:2] % multiple
        return tf.pad(image, [[0, missing[0]], [0, missing[1]], [0, 0]]), shape

    def sizes(height: int, width: int) -> tuple[Size, Size]:
        return (height, width), (height + -height % multiple, width + -width % multiple)

    return in_gray(Resizer(resize, sizes, pads=True), convert_to_grayscale)
