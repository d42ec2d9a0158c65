"""The detector as a SavedModel: the frozen graph with signatures, for servers and for TensorFlow 1 and 2.

The frozen graph is one function in the file. All signatures call it, so its weights are stored once.
"""

from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from boxwright.core.signature import ENCODED, INPUT, OUTPUTS
from boxwright.runtimes import frozen_graph

_DEFAULT = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
_IMAGES = tf.TensorSpec([None, None, None, 3], tf.uint8)


def write(source: str | Path, target: str | Path) -> None:
    """Write the frozen graph `source` as the SavedModel in the folder `target`.

    - TF1 programs use its tag `serve` and the names of the frozen graph.
    - The signature `serving_default` takes images as `inputs`, as the OD API's exports of TF1 do.
    - The signature `image_tensor` takes them as `input_tensor`, as its exports of TF2 do. The loaded object itself can
      be called with them too.
    - The signature `encoded_image_string_tensor` takes the bytes of JPEG, PNG, GIF or BMP files as `inputs`, string
      [B]. The images of one call have one size; EXIF orientation is not applied.
    """
    detect = _function(frozen_graph.read(source))

    def of_tf1(inputs: tf.Tensor) -> Any:
        return detect(inputs)

    def of_tf2(input_tensor: tf.Tensor) -> Any:
        return detect(input_tensor)

    def on_files(inputs: tf.Tensor) -> Any:
        return detect(tf.map_fn(_decoded, inputs, fn_output_signature=tf.TensorSpec(_IMAGES.shape[1:], _IMAGES.dtype)))

    module = tf.Module()
    module.__call__ = tf.function(of_tf2, input_signature=[_IMAGES], autograph=False)
    signatures = {
        _DEFAULT: tf.function(of_tf1, input_signature=[_IMAGES], autograph=False),
        INPUT: module.__call__,
        ENCODED: tf.function(on_files, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False),
    }
    tf.saved_model.save(module, str(target), signatures=signatures)
    _name_as_in_the_graph(Path(target))


def _function(frozen: Any) -> Any:
    """The frozen graph as a function from images to its outputs, by name."""
    names = {node.name for node in frozen.node}
    whole = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(frozen, name=""), [])
    return whole.prune(f"{INPUT}:0", {name: f"{name}:0" for name in OUTPUTS if name in names})


def _decoded(content: tf.Tensor) -> tf.Tensor:
    """The pixels of an image file, uint8 [H, W, 3]."""
    image = tf.io.decode_image(content, channels=3, expand_animations=False)
    return tf.ensure_shape(image, _IMAGES.shape[1:])


def _name_as_in_the_graph(folder: Path) -> None:
    """Give the tensors of the default signature the names that they have in the frozen graph.

    TF1 programs feed and fetch tensors by name.
    """
    path = folder / "saved_model.pb"
    saved = SavedModel.FromString(path.read_bytes())
    (meta,) = saved.meta_graphs
    signature: SignatureDef = meta.signature_def[_DEFAULT]
    (given,) = signature.inputs.values()
    placeholder, given.name = given.name.removesuffix(":0"), f"{INPUT}:0"
    for node in meta.graph_def.node:
        node.name = INPUT if node.name == placeholder else node.name
        node.input[:] = [INPUT if name == placeholder else name for name in node.input]
    for name, tensor in signature.outputs.items():
        node = meta.graph_def.node.add(name=name, op="Identity", input=[tensor.name.removesuffix(":0")])
        node.attr["T"].type = tensor.dtype
        tensor.name = f"{name}:0"
    path.write_bytes(saved.SerializeToString(deterministic=True))
    # It belongs to the bytes before the renaming.
    (folder / "fingerprint.pb").unlink(missing_ok=True)
