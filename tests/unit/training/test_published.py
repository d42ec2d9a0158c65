"""Every published configuration for boxes takes a training step, is saved, read back, and detects.

Of one for keypoints the boxes are taken. What is recorded only with other values is taken as it is recorded.
"""

import gc
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from training_data import LABEL_MAP

from boxwright.catalog import check
from boxwright.checkpoints import checkpoint_files
from boxwright.core.signature import OUTPUTS
from boxwright.detector import inference, precision
from boxwright.detector.build import build
from boxwright.detector.groundtruth import Groundtruth
from boxwright.pipeline import text
from boxwright.protos import model_of
from boxwright.training.gradients import pairwise_gradients
from boxwright.training.segment import train_segment

CONFIGS = Path(__file__).parents[4] / "shared/odapi/configs"
RECORDED = CONFIGS.parents[1] / "parity"
PATHS = [*sorted(CONFIGS.glob("*.config")), *sorted(RECORDED.glob("tf2_centernet_*/golden.json"))]
# Height and width: as small as all of them take.
SIDE = 256
# Of a CenterNet that finds more than boxes.
NOT_BOXES = ("keypoint_estimation_task", "keypoint_label_map_path")
EACH = pytest.mark.parametrize(
    "path", PATHS or [None], ids=lambda path: path and (path.parent.name if path.suffix == ".json" else path.stem)
)


def read(path: Path):
    """The configuration, for boxes alone."""
    recorded = path.suffix == ".json"
    config = text.parse(json.loads(path.read_text())["pipeline_config"]) if recorded else text.read(path)
    if config.model.WhichOneof("model") == "center_net":
        for field in NOT_BOXES:
            config.model.center_net.ClearField(field)
    return config


def reduced(path: Path | None):
    """The configuration for small images, two at a time, from scratch; skips the test without ../shared."""
    if path is None:
        pytest.skip("needs ../shared (published configurations), which this checkout has not")
    config = read(path)
    assert check.findings(config.model) == []
    message, family = model_of(config)
    message.num_classes = len(LABEL_MAP)
    message.image_resizer.CopyFrom(type(message.image_resizer)(fixed_shape_resizer={"height": SIDE, "width": SIDE}))
    if family == "faster_rcnn":
        message.first_stage_max_proposals = message.second_stage_batch_size = 8
    training = config.train_config
    training.batch_size = 2
    training.ClearField("fine_tune_checkpoint")
    del training.data_augmentation_options[:]
    return config


@pytest.mark.slow
@pytest.mark.alone
@EACH
def test_a_published_configuration_trains_and_detects(path, records, tmp_path):
    config = reduced(path)
    prefix = tmp_path / "model.ckpt-1"
    train_segment(
        config,
        records,
        LABEL_MAP,
        tmp_path,
        to_step=1,
        log_path=tmp_path / "log",
        events_path=tmp_path / "events.out.tfevents.1",
        tf_threads=0,  # in a test process TensorFlow has started already
    )
    losses = [line for line in map(json.loads, (tmp_path / "log").read_text().splitlines()) if "step" in line]
    assert losses and all(np.isfinite(line["Loss/total_loss"]) for line in losses)

    # The largest of them fills a small machine if more than one copy is kept.
    gc.collect()
    saved = checkpoint_files.read(prefix)
    assert _has_moved(saved, config)
    gc.collect()
    detector = inference.load(_without_averages(config), prefix)
    for name, variable in detector.variables.items():
        np.testing.assert_array_equal(variable, saved.value(name))

    spec = tf.TensorSpec([None, None, None, 3], tf.uint8)
    exported = tf.function(lambda images: inference.on_images(detector, images), autograph=False)
    image = np.random.default_rng(0).integers(0, 256, (1, 90, 120, 3), dtype=np.uint8)
    found = exported.get_concrete_function(spec)(tf.constant(image))
    # CenterNet has peaks alone, no boxes before any suppression.
    raw = {name for name in OUTPUTS if name.startswith("raw_")}
    assert set(OUTPUTS) - (raw if config.model.HasField("center_net") else set()) <= set(found)
    assert all(np.isfinite(values).all() for values in found.values())


@pytest.mark.slow
@EACH
def test_a_published_configuration_can_be_trained_in_half_precision_as_on_a_gpu(path):
    """Its graph is built: no operation gets tensors of several types."""
    detector = build(reduced(path).model, precision=precision.of("bfloat16", gpu=True))
    truth = Groundtruth(
        boxes=tf.constant([[[0.1, 0.2, 0.6, 0.7]]]),
        classes=tf.zeros([1, 1], tf.int32),
        weights=tf.ones([1, 1]),
        num_boxes=tf.ones([1], tf.int32),
        regions=tf.zeros([1, 0, 4]),
    )

    @tf.function(input_signature=[tf.TensorSpec([1, SIDE, SIDE, 3])], autograph=False)
    def gradients(images):
        seed = tf.constant([1, 2])
        predictions = detector.predict(images, tf.constant([[SIDE, SIDE, 3]]), training=True, seed=seed)
        losses = detector.losses(predictions, truth, seed=seed)
        trained = {name: detector.variables[name] for name in detector.trainable}
        return pairwise_gradients(tf.add_n(list(losses.values())), trained)

    found = gradients.get_concrete_function().structured_outputs
    assert found and {gradient.dtype for gradient in found.values()} == {tf.float32}


def _has_moved(saved, config) -> bool:
    """Whether a checkpoint is not what its model starts with."""
    before = build(config.model, seed=0)
    return any((saved.value(name) != before.variables[name].numpy()).any() for name in before.trainable)


def _without_averages(config):
    config.eval_config.use_moving_averages = False
    return config
