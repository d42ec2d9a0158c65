"""The graph of a training step."""

from pathlib import Path

import pytest
import tensorflow as tf
from training_data import LABEL_MAP

from boxwright.detector.build import build
from boxwright.pipeline import text
from boxwright.training import inputs, segment
from boxwright.training.step import compile_step

TEMPLATES = Path(__file__).parents[3] / "config/pipelines"


@pytest.mark.parametrize(
    "template",
    ["demo_ssd", "faster_rcnn_resnet50", pytest.param("faster_rcnn_inception_v2", marks=pytest.mark.slow)],
)
def test_a_step_adds_up_in_pairs(template, records):
    """The order of a sum of two does not matter; TensorFlow adds three in the order in which they are ready."""
    config = text.read(TEMPLATES / f"{template}.config")
    detector = build(config.model)
    trained = {name: detector.variables[name] for name in detector.trainable}
    spec = inputs.build(config, records, LABEL_MAP, detector.preprocess, seed=0).batches(0, 1).spec
    optimizer = segment.build_optimizer(config.train_config.optimizer, trained)
    step = compile_step(detector, optimizer, spec, **segment.numbers_of_step(config.train_config))
    whole = tf.function(lambda batch: step(batch, 0.0, 0)).get_concrete_function(spec).graph.as_graph_def()
    nodes = [*whole.node, *(node for function in whole.library.function for node in function.node_def)]
    sums = [node for node in nodes if node.op == "AddN"]
    assert sums
    assert {node.attr["N"].i for node in sums} == {2}
