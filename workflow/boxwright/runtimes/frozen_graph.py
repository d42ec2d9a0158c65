"""Run a frozen graph in a TensorFlow 1 session, as programs written for the OD API do."""

from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.graph_pb2 import GraphDef

from boxwright.core.signature import INPUT, OUTPUTS


def load(path: str | Path, threads: int | None = None) -> "FrozenGraph":
    """The frozen graph in a file, ready to call, with `threads` in all (default: TensorFlow's choice)."""
    return FrozenGraph(read(path), threads)


def read(path: str | Path) -> GraphDef:
    """The graph in a file."""
    return GraphDef.FromString(Path(path).read_bytes())


def imported(frozen: GraphDef) -> tf.Graph:
    """A new graph that holds `frozen`, with the same names."""
    with tf.Graph().as_default() as whole:
        tf.import_graph_def(frozen, name="")
    return whole


class FrozenGraph:
    """A frozen graph in one session; see `runtimes.Detect` for how it is called."""

    def __init__(self, frozen: GraphDef, threads: int | None = None) -> None:
        names = {node.name for node in frozen.node}
        self._fetches = {name: f"{name}:0" for name in OUTPUTS if name in names}
        settings = tf.compat.v1.ConfigProto(
            intra_op_parallelism_threads=threads or 0, inter_op_parallelism_threads=1 if threads else 0
        )
        settings.gpu_options.allow_growth = True
        # A session ignores TensorFlow's list of visible devices: limit it to the GPUs that this process may use.
        gpus = [device.name.rsplit(":", 1)[1] for device in tf.config.get_visible_devices("GPU")]
        settings.device_count["GPU"] = len(gpus)
        settings.gpu_options.visible_device_list = ",".join(gpus)
        self._session = tf.compat.v1.Session(graph=imported(frozen), config=settings)

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        return self._session.run(self._fetches, {f"{INPUT}:0": images})
