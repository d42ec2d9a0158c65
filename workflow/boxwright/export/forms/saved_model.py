"""The detector as a SavedModel: the frozen graph with a signature, for servers and for TensorFlow 2."""

from pathlib import Path

import tensorflow as tf
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef, TensorInfo

from boxwright.core.signature import INPUT, OUTPUTS
from boxwright.runtimes import frozen_graph


def write(source: str | Path, target: str | Path) -> None:
    """Write the frozen graph `source` as the SavedModel in the folder `target`.

    TF1 programs use its tag `serve` and the names of the frozen graph, others use its signature serving_default, whose
    input is called `inputs`.
    """
    v1 = tf.compat.v1.saved_model
    frozen = frozen_graph.read(source)
    names = {node.name for node in frozen.node}
    whole = frozen_graph.imported(frozen)

    def described(name: str) -> TensorInfo:
        tensor = whole.get_tensor_by_name(f"{name}:0")
        return TensorInfo(name=tensor.name, dtype=tensor.dtype.as_datatype_enum, tensor_shape=tensor.shape.as_proto())

    signature = SignatureDef(
        inputs={"inputs": described(INPUT)},
        outputs={name: described(name) for name in OUTPUTS if name in names},
        method_name=v1.signature_constants.PREDICT_METHOD_NAME,
    )
    with tf.compat.v1.Session(graph=whole) as session:
        writer = v1.Builder(str(target))
        writer.add_meta_graph_and_variables(
            session,
            [v1.tag_constants.SERVING],
            signature_def_map={v1.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY: signature},
        )
        writer.save()
