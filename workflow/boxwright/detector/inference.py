"""Inference: load a checkpoint's weights into a detector, and detect objects on images."""

from pathlib import Path
from typing import Any

import tensorflow as tf

from boxwright.checkpoints import checkpoint_files
from boxwright.core.errors import UserError
from boxwright.core.signature import OUTPUTS
from boxwright.detector.build import build
from boxwright.detector.protocol import Detector

AVERAGE = "/ExponentialMovingAverage"


def load(config: Any, checkpoint: str | Path) -> Detector:
    """The detector of a TrainEvalPipelineConfig with the weights of `checkpoint` (a prefix), for inference.

    The checkpoint has the names of the variables or, of a model of TF2, the keys of its object graph.
    With `eval_config.use_moving_averages` a variable gets its moving average if the checkpoint has one.

    Raises UserError if the checkpoint is missing, lacks variables, has them in another shape, or has no moving averages
    at all although they are asked for.
    """
    reader = checkpoint_files.read(checkpoint)
    _share_gpus()
    detector = build(config.model)
    keys = detector.object_graph_keys() if reader.object_graph else {}
    sources = {name: keys.get(name, name) for name in detector.variables}
    if config.eval_config.use_moving_averages:
        averages = {name: name + AVERAGE for name in sources if name + AVERAGE in reader.shapes}
        if not averages:
            raise UserError(
                f"eval_config.use_moving_averages is true, but the checkpoint {checkpoint} has no moving averages. "
                "Train with optimizer.use_moving_average: true, or set eval_config.use_moving_averages to false."
            )
        sources |= averages
    wrong = []
    for name, variable in detector.variables.items():
        found = reader.shapes.get(sources[name])
        if found is None:
            wrong.append(f"{name} is missing")
        elif found != tuple(variable.shape):
            wrong.append(f"{name} has shape {list(found)} instead of {list(variable.shape)}")
    if wrong:
        more = "" if len(wrong) <= 5 else f"; and {len(wrong) - 5} more"
        raise UserError(
            f"The checkpoint {checkpoint} does not match the model of pipeline.config: {'; '.join(wrong[:5])}{more}."
        )
    for name, variable in detector.variables.items():
        variable.assign(reader.value(sources[name]))
    return detector


def detections(detector: Detector, images: tf.Tensor, true_shapes: tf.Tensor) -> dict[str, tf.Tensor]:
    """The detections on preprocessed images, float32 [B, h, w, c], whose shapes without padding are int32 [B, 3].

    Returns the tensors named in `core.signature.OUTPUTS`, float32, as from `postprocess` but with classes from 1.
    """
    found = detector.postprocess(detector.predict(images, true_shapes), true_shapes)
    found["detection_classes"] += 1.0
    return {name: tf.cast(found[name], tf.float32) for name in OUTPUTS if name in found}


def on_images(detector: Detector, images: tf.Tensor) -> dict[str, tf.Tensor]:
    """The detections on images of one size, uint8 [B, H, W, 3]; see `detections`. Each is preprocessed on its own."""
    return detections(detector, *detector.preprocess_batch(images))


def _share_gpus() -> None:
    """Allocate GPU memory only as needed: an evaluation may run beside the training on the same GPU."""
    for gpu in tf.config.get_visible_devices("GPU"):
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except (RuntimeError, ValueError):  # this process already uses the GPU, or has a fixed share of it
            return
