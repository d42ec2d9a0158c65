"""From a checkpoint to the files that people deploy, as the OD API's exporter lays them out."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.framework.graph_pb2 import GraphDef
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef, TensorInfo

from boxwright.checkpoints import checkpoint_files, checkpoint_state
from boxwright.core import disk
from boxwright.detector import inference
from boxwright.detector.protocol import Detector
from boxwright.export import graph
from boxwright.pipeline import text

INPUT = "image_tensor"
FROZEN_GRAPH = "frozen_inference_graph.pb"
SAVED_MODEL = "saved_model"
CHECKPOINT = "model.ckpt"
CONFIG = "pipeline.config"
LABEL_MAP = "label_map.pbtxt"


def freeze(config: Any, prefix: str | Path, label_map: str | Path, folder: str | Path) -> None:
    """Write the detector that `config` (TrainEvalPipelineConfig) and the checkpoint `prefix` are into `folder`.

    frozen_inference_graph.pb: GraphDef from `image_tensor:0` (uint8 [batch, height, width, 3], any sizes) to the
        tensors of `inference.OUTPUTS`, `detection_boxes:0` and so on, boxes normalised, classes from 1.
    saved_model/: the same graph; TF1 programs load it by its tag `serve` and the names above, others by its signature
        serving_default, whose input is called `inputs`.
    model.ckpt.*, checkpoint: the weights (moving averages in place of the weights, where they are used), and
        global_step. pipeline.config and label_map.pbtxt: what they need, the latter as the file `label_map` is.
    """
    detector = inference.load(config, prefix)
    frozen = graph.frozen(
        lambda images: inference.on_images(detector, images),
        INPUT,
        tf.TensorSpec([None, None, None, 3], tf.uint8),
    )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FROZEN_GRAPH).write_bytes(frozen.SerializeToString(deterministic=True))
    _write_saved_model(frozen, folder / SAVED_MODEL)
    _write_checkpoint(detector, prefix, folder)
    final = type(config)()
    final.CopyFrom(config)
    # The checkpoint holds what inference uses under the plain names.
    final.eval_config.use_moving_averages = False
    (folder / CONFIG).write_text(text.to_text(final), encoding="utf-8")
    shutil.copyfile(label_map, folder / LABEL_MAP)


@contextmanager
def whole_folder(folder: str | Path) -> Iterator[Path]:
    """A new folder beside `folder` to write into, which takes its place when the block ends without an error.

    Raises UserError where the disk is full.
    """
    folder = Path(folder)
    for stale in folder.parent.glob(f".{folder.name}.*.tmp"):  # of a run that was killed
        shutil.rmtree(stale, ignore_errors=True)
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
    except Exception as error:
        if not disk.is_full(error):
            raise
        written = sum(path.stat().st_size for path in temporary.rglob("*") if path.is_file())
        shutil.rmtree(temporary, ignore_errors=True)
        raise disk.full(folder, at_least=written) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def imported(frozen: GraphDef) -> tf.Graph:
    """A graph of its own that holds `frozen` under its names."""
    with tf.Graph().as_default() as whole:
        tf.import_graph_def(frozen, name="")
    return whole


def _write_saved_model(frozen: GraphDef, folder: Path) -> None:
    v1 = tf.compat.v1.saved_model
    names = {node.name for node in frozen.node}
    whole = imported(frozen)

    def described(name: str) -> TensorInfo:
        tensor = whole.get_tensor_by_name(f"{name}:0")
        return TensorInfo(name=tensor.name, dtype=tensor.dtype.as_datatype_enum, tensor_shape=tensor.shape.as_proto())

    signature = SignatureDef(
        inputs={"inputs": described(INPUT)},
        outputs={name: described(name) for name in inference.OUTPUTS if name in names},
        method_name=v1.signature_constants.PREDICT_METHOD_NAME,
    )
    with tf.compat.v1.Session(graph=whole) as session:
        writer = v1.Builder(str(folder))
        writer.add_meta_graph_and_variables(
            session,
            [v1.tag_constants.SERVING],
            signature_def_map={v1.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY: signature},
        )
        writer.save()


def _write_checkpoint(detector: Detector, prefix: str | Path, folder: Path) -> None:
    values = {name: variable.numpy() for name, variable in detector.variables.items()}
    source = checkpoint_files.read(prefix)
    if "global_step" in source.shapes:
        values["global_step"] = source.value("global_step")
    checkpoint_files.write(folder / CHECKPOINT, values)
    checkpoint_state.write_state(folder, [CHECKPOINT])
