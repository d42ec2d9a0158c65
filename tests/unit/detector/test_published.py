"""Published configurations of the two-stage detectors and of the Inception networks take a training step."""

import numpy as np
import pytest
import tensorflow as tf

from boxwright.detector.build import build
from boxwright.detector.groundtruth import Groundtruth
from boxwright.pipeline import text
from boxwright.protos import model_of


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "faster_rcnn_inception_v2_coco",
        "faster_rcnn_inception_resnet_v2_atrous_pets",
        "faster_rcnn_resnet50_v1_640x640_coco17_tpu-8",
        "mask_rcnn_resnet50_atrous_coco",
        "ssd_inception_v2_coco",
    ],
)
def test_one_step_on_small_images(shared, name):
    config = text.read(shared / "odapi" / "configs" / f"{name}.config")
    message, family = model_of(config)
    size = {"height": 96, "width": 128}
    message.image_resizer.CopyFrom(type(message.image_resizer)(fixed_shape_resizer=size))
    if family == "faster_rcnn":
        message.first_stage_max_proposals = message.second_stage_batch_size = 8
    detector = build(config.model)
    pictures = np.random.default_rng(0).integers(0, 256, (2, 96, 128, 3), dtype=np.uint8)
    images, shapes = detector.preprocess_batch(tf.constant(pictures))
    truth = Groundtruth(
        boxes=tf.constant([[[0.1, 0.2, 0.8, 0.7]]] * 2),
        classes=tf.constant([[0], [3]]),
        weights=tf.ones([2, 1]),
        num_boxes=tf.constant([1, 1]),
    )
    seed = tf.constant([1, 2])
    with tf.GradientTape() as tape:
        losses = detector.losses(detector.predict(images, shapes, training=True, seed=seed), truth, seed)
        total = tf.add_n([*losses.values(), detector.regularization_loss()])
    gradients = tape.gradient(total, [detector.variables[variable] for variable in detector.trainable])
    assert np.isfinite(total) and all(np.isfinite(gradient).all() for gradient in gradients)
