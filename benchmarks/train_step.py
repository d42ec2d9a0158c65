"""How long one training step takes, and how much memory: detector, losses, gradients, optimizer; no input pipeline.

    python benchmarks/train_step.py --config config/pipelines/ssd_mobilenet_v1.config --batch 8 --steps 30

Random images and boxes. Prints the median and the best time of a step, and the peak resident memory of the process.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
from measuring import peak_memory

from boxwright.detector.build import build
from boxwright.detector.groundtruth import Groundtruth
from boxwright.detector.protocol import Detector
from boxwright.pipeline import overrides, text
from boxwright.training import segment
from boxwright.training.inputs import Batch
from boxwright.training.log import TOTAL
from boxwright.training.step import compile_step

RATE = 1e-4
BOXES = 8


def random_batch(detector: Detector, batch: int, height: int, width: int) -> Batch:
    """`batch` images of random pixels with `BOXES` boxes each, the same at every call."""
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (batch, height, width, 3), dtype=np.uint8)
    images, shapes = zip(*map(detector.preprocess, pictures), strict=True)
    corners = random.uniform(0, 0.7, (batch, BOXES, 2)).astype(np.float32)
    sizes = random.uniform(0.05, 0.3, (batch, BOXES, 2)).astype(np.float32)
    truth = Groundtruth(
        boxes=tf.constant(np.concatenate([corners, corners + sizes], axis=-1)),
        classes=tf.constant(random.integers(0, detector.num_classes, (batch, BOXES)), tf.int32),
        weights=tf.ones([batch, BOXES]),
        num_boxes=tf.fill([batch], BOXES),
    )
    return Batch(tf.stack(images), tf.stack(shapes), truth)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--config", required=True, help="a pipeline.config")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--size", type=int, nargs=2, default=(480, 640), help="height and width of the images")
    parser.add_argument("--threads", type=int, default=2, help="intra-op threads")
    parser.add_argument("--set", nargs="*", default=[], help="overrides, such as model.ssd.num_classes=90")
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(2)
    config = text.read(arguments.config)
    overrides.apply(config, dict(setting.split("=", 1) for setting in arguments.set))
    detector = build(config.model)
    batch = random_batch(detector, arguments.batch, *arguments.size)
    spec = tf.nest.map_structure(tf.TensorSpec.from_tensor, batch)
    trained = segment.trained_variables(detector, config.train_config)
    optimizer = segment.build_optimizer(config.train_config.optimizer, trained)
    step = compile_step(detector, optimizer, spec, **segment.numbers_of_step(config.train_config))
    seconds = []
    for number in range(arguments.steps + 3):
        start = time.perf_counter()
        loss = float(step(batch, RATE, number)[TOTAL])
        seconds.append(time.perf_counter() - start)
    steady = seconds[3:]
    print(
        f"{arguments.config}: batch {arguments.batch} at {tuple(batch.images.shape[1:3])}, loss {loss:.3f}; "
        f"{statistics.median(steady):.3f} s per step (best {min(steady):.3f}, first {seconds[0]:.1f}); "
        f"peak memory {peak_memory():.0f} MB"
    )


if __name__ == "__main__":
    main()
