"""The entries of a TF2 checkpoint beside its weights, so that `tf.train.Checkpoint` finds them by the object graph.

A key such as `model/_box_predictor/0/kernel/.ATTRIBUTES/VARIABLE_VALUE` is a path from the root: each part is an
attribute of the object before it. The graph lists all objects, their attributes and the keys of the variables
(https://www.tensorflow.org/guide/checkpoint).
"""

from collections.abc import Iterable, Mapping

import numpy as np
from tensorflow.core.protobuf import trackable_object_graph_pb2

from boxwright.checkpoints.checkpoint_files import ATTRIBUTE, OBJECT_GRAPH

# How often the object that saved the checkpoint had saved; every TF2 checkpoint has it.
SAVE_COUNTER = f"save_counter{ATTRIBUTE}"
VALUE = ATTRIBUTE.rsplit("/", 1)[-1]


def with_graph(values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The whole contents of a checkpoint with these weights by key."""
    entries = {**values, SAVE_COUNTER: np.int64(1)}
    return {**entries, OBJECT_GRAPH: np.array(graph(entries).SerializeToString(deterministic=True), object)}


def graph(keys: Iterable[str]) -> trackable_object_graph_pb2.TrackableObjectGraph:
    """The graph of the objects that the keys lead to; the root is the first."""
    found = trackable_object_graph_pb2.TrackableObjectGraph()
    found.nodes.add()
    places: dict[tuple[str, ...], int] = {(): 0}
    for key in sorted(keys):
        path = tuple(key.removesuffix(ATTRIBUTE).split("/"))
        for length in range(1, len(path) + 1):
            if path[:length] not in places:
                places[path[:length]] = len(found.nodes)
                parent = found.nodes[places[path[: length - 1]]]
                parent.children.add(node_id=len(found.nodes), local_name=_name(path[length - 1]))
                found.nodes.add()
        node = found.nodes[places[path]]
        node.attributes.add(name=VALUE, full_name="/".join(map(_name, path)), checkpoint_key=key)
        node.has_checkpoint_values.value = True
    return found


def _name(part: str) -> str:
    """The attribute that a part of a key stands for; in keys, a slash is written as `.S` and a dot as two."""
    return part.replace("..", "\0").replace(".S", "/").replace("\0", ".")
