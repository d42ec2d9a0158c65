"""Images keep their size."""

from typing import TYPE_CHECKING

from boxwright.detector.resizers.resizer import Resizer

if TYPE_CHECKING:
    import tensorflow as tf


def make() -> Resizer:
    """The resizer that changes nothing but the type."""

    def resize(image: "tf.Tensor") -> tuple["tf.Tensor", "tf.Tensor"]:
        import tensorflow as tf

        return tf.cast(image, tf.float32), tf.shape(image)

    return Resizer(resize, lambda height, width: ((height, width), (height, width)))
