"""Trains on logical CPU devices, for test_replicas: python replicas_process.py REPLICAS KIND STEPS OUT [PRECISION].

KIND is ssd or faster_rcnn. OUT (.npz) gets the losses of every step, the gradients of the first by variable (they are
what momentum then is), and all variables at the end.
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from training_data import TINY_FASTER_RCNN, TINY_SSD

from boxwright import protos
from boxwright.detector.build import build
from boxwright.detector.groundtruth import Groundtruth
from boxwright.detector.precision import of
from boxwright.detector.protocol import Detector
from boxwright.training import segment
from boxwright.training.inputs import Batch
from boxwright.training.log import TOTAL
from boxwright.training.loss_scale import LossScale
from boxwright.training.step import GRADIENT, compile_step

BATCH, BOXES = 8, 3
MOMENTUM = """
train_config { optimizer { momentum_optimizer {
  learning_rate { constant_learning_rate { learning_rate: 0.0002 } } momentum_optimizer_value: 0.9
} } }
"""


def batch(number: int, height: int, width: int, detector: Detector) -> Batch:
    """The batch of a step: noise with bright boxes on it, in images of different true sizes."""
    random = np.random.default_rng([7, number])
    sides = random.integers(height * 3 // 4, height + 1, (BATCH, 2)) * [1, width / height]
    images, shapes, boxes = [], [], []
    for rows, columns in sides.astype(int):
        pixels = random.integers(0, 120, (rows, columns, 3)).astype(np.uint8)
        corners = random.uniform(0, 0.5, (BOXES, 2))
        of_image = np.concatenate([corners, corners + random.uniform(0.2, 0.45, (BOXES, 2))], axis=1)
        for ymin, xmin, ymax, xmax in (of_image * [rows, columns, rows, columns]).astype(int):
            pixels[ymin:ymax, xmin:xmax] += 100
        image, shape = detector.preprocess(tf.constant(pixels))
        images.append(image)
        shapes.append(shape)
        boxes.append(of_image)
    whole = tf.reduce_max([image.shape[:2] for image in images], axis=0)
    images = [tf.image.pad_to_bounding_box(image, 0, 0, *whole) for image in images]
    counts = random.integers(1, BOXES + 1, BATCH)
    real = np.arange(BOXES) < counts[:, None]
    return Batch(
        tf.stack(images),
        tf.stack(shapes),
        Groundtruth(
            tf.constant(np.array(boxes) * real[..., None], tf.float32),
            tf.constant(random.integers(0, 2, (BATCH, BOXES)) * real, tf.int32),
            tf.constant(real, tf.float32),
            tf.constant(counts, tf.int32),
            tf.zeros([BATCH, 0, 4]),
        ),
    )


def main(replicas: int, kind: str, steps: int, out: str, precision: str = "float32") -> None:
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * replicas)
    tf.config.experimental.enable_op_determinism()
    strategy = tf.distribute.MirroredStrategy([f"CPU:{number}" for number in range(replicas)])
    config = text_format.Parse(TINY_SSD if kind == "ssd" else TINY_FASTER_RCNN, protos.TrainEvalPipelineConfig())
    momentum = text_format.Parse(MOMENTUM, protos.TrainEvalPipelineConfig())
    config.train_config.optimizer.CopyFrom(momentum.train_config.optimizer)
    if kind == "ssd":
        # A 3x3 convolution of a 1x1 map, as in the fourth, has no gradient in TensorFlow's bfloat16 kernel for CPUs.
        config.model.ssd.feature_extractor.num_layers = 3
        config.model.ssd.anchor_generator.ssd_anchor_generator.num_layers = 3
    with strategy.scope():
        detector = build(config.model, 1, of(precision, gpu=True))
        loss_scale = LossScale(64.0) if precision == "float16" else None
        trained = {name: detector.variables[name] for name in detector.trainable}
        optimizer = segment.build_optimizer(config.train_config.optimizer, trained)
    if kind == "ssd":
        # Batch norm and ReLU from scratch multiply a rounding a thousand times on their way through 27 layers, and a
        # channel that is 0 lies on the kink. Off the kinks the network is nearly linear, and roundings stay roundings.
        random = np.random.default_rng(2)
        for name, variable in detector.variables.items():
            if name.endswith("/beta"):
                variable.assign(random.normal(2.5, 0.3, variable.shape).astype(np.float32))
    else:
        # Frozen batch norm of random weights neither brings pixels to the size of 1 nor keeps residual branches small:
        # losses of 10,000s that no rate brings down. Trained statistics do both.
        for name, variable in detector.variables.items():
            if name.endswith("/conv1/BatchNorm/moving_variance") and "/block" not in name:
                variable.assign(tf.fill(variable.shape, 1e4))
            if name.endswith("/conv3/BatchNorm/gamma"):
                variable.assign(tf.fill(variable.shape, 0.2))
    size = (64, 64) if kind == "ssd" else (64, 80)
    results, step = {}, None
    losses = []
    for number in range(steps):
        images = batch(number, *size, detector)
        if step is None:
            spec = tf.nest.map_structure(lambda x: tf.TensorSpec(x.shape, x.dtype), images)
            if kind != "ssd":
                spec = spec._replace(images=tf.TensorSpec([BATCH, None, None, 3]))
            step = compile_step(
                detector,
                optimizer,
                spec,
                3,
                **segment.numbers_of_step(config.train_config),
                strategy=strategy if replicas > 1 else None,
                loss_scale=loss_scale,
            )
        values = step(images, optimizer.schedule(number), number)
        losses.append(float(values[TOTAL]))
        if number == 0:
            results |= {f"first/{tag}": value.numpy() for tag, value in values.items()}
            results |= {f"gradient/{name}": value.numpy() for name, value in optimizer.state.items()}
    results |= {f"end/{name}": variable.numpy() for name, variable in (detector.variables | optimizer.state).items()}
    results |= {f"type/{name}": variable.dtype.name for name, variable in detector.variables.items()}
    assert GRADIENT in {tag.removeprefix("first/") for tag in results}
    np.savez(out, losses=losses, **results)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), *sys.argv[4:])
