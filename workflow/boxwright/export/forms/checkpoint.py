"""The detector as a checkpoint with its pipeline.config: what the engine runs, and what other forms are made from."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from boxwright.catalog.forms import PIPELINE
from boxwright.checkpoints import checkpoint_files, checkpoint_state, object_graph_file
from boxwright.detector import inference
from boxwright.pipeline import text


class Engine:
    """The engine with a checkpoint's weights; see `runtimes.Detect` for how it is called.

    `config` is a TrainEvalPipelineConfig, `prefix` the checkpoint's prefix. Images are processed one at a
    time, as in evaluation.
    """

    def __init__(self, config: Any, prefix: str | Path) -> None:
        self.config, self.prefix = config, str(prefix)
        self.detector = inference.load(config, prefix)
        self._run = tf.function(
            self._detections, input_signature=[tf.TensorSpec([None, None, 3], tf.uint8)], autograph=False
        )

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        answers = [self._run(tf.constant(image)) for image in images]
        return {name: np.concatenate([answer[name].numpy() for answer in answers]) for name in answers[0]}

    def _detections(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        pixels, shape = self.detector.preprocess(image)
        return inference.detections(self.detector, pixels[tf.newaxis], shape[tf.newaxis])


def load(path: str | Path) -> Engine:
    """The engine with the checkpoint of the prefix `path` and the pipeline.config beside it."""
    return Engine(text.read(Path(path).with_name(PIPELINE)), path)


def write(source: Engine, target: str | Path) -> None:
    """Write the detector that `source` runs as the checkpoint with the prefix `target`.

    It also writes the file `checkpoint`, which names it, and pipeline.config. The checkpoint holds the weights that
    inference uses (moving averages in place of weights, if they are used): of a model of TF1 by the names of its
    variables, with global_step; of a model of TF2 by the keys of its object graph.
    """
    target = Path(target)
    values = {name: variable.numpy() for name, variable in source.detector.variables.items()}
    keys = source.detector.object_graph_keys()
    if keys:
        values = object_graph_file.with_graph({keys[name]: value for name, value in values.items()})
    else:
        trained = checkpoint_files.read(source.prefix)
        if "global_step" in trained.shapes:
            values["global_step"] = trained.value("global_step")
    checkpoint_files.write(target, values)
    checkpoint_state.write_state(target.parent, [target.name])
    final = type(source.config)()
    final.CopyFrom(source.config)
    # The checkpoint holds the weights for inference under the plain names.
    final.eval_config.use_moving_averages = False
    target.with_name(PIPELINE).write_text(text.to_text(final), encoding="utf-8")


def weights(path: str | Path) -> int:
    """The number of weights in the checkpoint with the prefix `path`, without what counts steps and savings."""
    others = ("global_step", object_graph_file.SAVE_COUNTER, checkpoint_files.OBJECT_GRAPH)
    shapes = checkpoint_files.names(path)
    return int(sum(np.prod(shape) for name, shape in shapes.items() if name not in others))
