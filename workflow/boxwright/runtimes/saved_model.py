"""Call a SavedModel by its signature `serving_default`, as TensorFlow 2 programs and servers do."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from boxwright.runtimes import Detect


def load(path: str | Path, threads: int | None = None) -> Detect:
    """The SavedModel in a folder, ready to call, with `threads` inside one operation (default: TensorFlow's choice).

    TensorFlow takes the threads of a process once: `threads` only works where it has not computed anything yet.

    The images are its only input: `inputs` in the OD API's releases for TensorFlow 1, `input_tensor` in those for
    TensorFlow 2.
    """
    if threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    function = tf.saved_model.load(str(path)).signatures["serving_default"]
    (given,) = function.structured_input_signature[1]

    def detect(images: np.ndarray) -> dict[str, np.ndarray]:
        return {name: value.numpy() for name, value in function(**{given: tf.constant(images)}).items()}

    return detect
