"""Call a SavedModel by its signature `serving_default`, as TensorFlow 2 programs and servers do."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from boxwright.runtimes import Detect


def load(path: str | Path, threads: int | None = None) -> Detect:
    """The SavedModel in a folder, ready to call.

    TensorFlow 2 shares its threads among all that a process runs, so with `threads` a session of TensorFlow 1 runs it.

    The images are its only input: `inputs` in the OD API's releases for TensorFlow 1, `input_tensor` in those for
    TensorFlow 2.
    """
    if threads:
        return _in_session(path, threads)
    function = tf.saved_model.load(str(path)).signatures["serving_default"]
    (given,) = function.structured_input_signature[1]

    def detect(images: np.ndarray) -> dict[str, np.ndarray]:
        return {name: value.numpy() for name, value in function(**{given: tf.constant(images)}).items()}

    return detect


def _in_session(path: str | Path, threads: int) -> Detect:
    settings = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=threads, inter_op_parallelism_threads=1)
    session = tf.compat.v1.Session(graph=tf.Graph(), config=settings)
    tags = [tf.compat.v1.saved_model.tag_constants.SERVING]
    with session.graph.as_default():
        signature = tf.compat.v1.saved_model.load(session, tags, str(path)).signature_def["serving_default"]
    (given,) = signature.inputs.values()
    fetches = {name: one.name for name, one in signature.outputs.items()}
    return lambda images: session.run(fetches, {given.name: images})
