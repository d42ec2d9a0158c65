"""How long one training step takes, and how much memory: detector, losses, gradients, optimizer; no input pipeline.

    python benchmarks/train_step.py --config config/pipelines/ssd_mobilenet_v1.config --batch 8 --steps 30
    python benchmarks/train_step.py --config A --batch 1 --against B --against-batch 8

Random images and boxes, TensorFlow set up as for a training. Prints the median and the best time of a step, and the
peak resident memory of the process. `--against` trains a second model in turn with the first and prints the processor
seconds of a step of each, all threads together, and their ratio: it moves less than the time when the machine is busy.
"""

import argparse
import itertools
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
import yaml
from measuring import peak_memory

from boxwright import devices
from boxwright.detector.build import build
from boxwright.detector.groundtruth import Groundtruth
from boxwright.detector.precision import FLOAT32, Precision
from boxwright.detector.protocol import Detector
from boxwright.pipeline import overrides, text
from boxwright.training import segment
from boxwright.training.inputs import Batch
from boxwright.training.log import TOTAL
from boxwright.training.step import Step, compile_step

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
        regions=tf.zeros([batch, 0, 4]),
    )
    return Batch(tf.stack(images), tf.stack(shapes), truth)


def compiled(
    path: str, batch_size: int, size: tuple[int, int], settings: list[str], precision: Precision = FLOAT32
) -> tuple[Step, Batch]:
    """One step of the training of a model, and a batch of random images for it."""
    config = text.read(path)
    overrides.apply(config, {key: yaml.safe_load(value) for key, value in (one.split("=", 1) for one in settings)})
    detector = build(config.model, precision=precision)
    batch = random_batch(detector, batch_size, *size)
    spec = tf.nest.map_structure(tf.TensorSpec.from_tensor, batch)
    trained = segment.trained_variables(detector, config.train_config)
    optimizer = segment.build_optimizer(config.train_config.optimizer, trained)
    print(f"{path}: batch {batch_size} at {tuple(batch.images.shape[1:3])}", flush=True)
    return compile_step(detector, optimizer, spec, **segment.numbers_of_step(config.train_config)), batch


def stepper(*model: Any) -> Callable[[], float]:
    """A function that trains a model, described as for `compiled`, by one step and returns the loss."""
    step, batch = compiled(*model)
    numbers = itertools.count()
    return lambda: float(step(batch, RATE, next(numbers))[TOTAL])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--config", required=True, help="a pipeline.config")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--size", type=int, nargs=2, default=(480, 640), help="height and width of the images")
    parser.add_argument("--threads", type=int, default=2, help="intra-op threads")
    parser.add_argument(
        "--set", nargs="*", default=[], help="overrides, such as model.ssd.num_classes=90; values as in YAML"
    )
    parser.add_argument("--against", help="the pipeline.config of a model to compare with")
    parser.add_argument("--against-batch", type=int, default=8)
    parser.add_argument("--against-size", type=int, nargs=2, default=(480, 640))
    arguments = parser.parse_args()
    segment.configure_tensorflow(devices.take(devices.Compute()), arguments.threads, seed=0)
    steppers = [stepper(arguments.config, arguments.batch, arguments.size, arguments.set)]
    if arguments.against:
        steppers.append(stepper(arguments.against, arguments.against_batch, arguments.against_size, []))
    seconds, processor = ([[] for _ in steppers] for _ in range(2))
    for _ in range(arguments.steps + 3):
        for index, step in enumerate(steppers):
            start, used = time.perf_counter(), time.process_time()
            loss = step()
            seconds[index].append(time.perf_counter() - start)
            processor[index].append(time.process_time() - used)
            if index == 0:
                first_loss = loss
    steady = seconds[0][3:]
    print(
        f"loss {first_loss:.3f}; {statistics.median(steady):.3f} s per step (best {min(steady):.3f}, first "
        f"{seconds[0][0]:.1f}); peak memory {peak_memory():.0f} MB"
    )
    if arguments.against:
        ours, theirs = (statistics.median(each[3:]) for each in processor)
        print(f"processor seconds: {ours:.3f} and {theirs:.3f}, ratio {ours / theirs:.2f}")


if __name__ == "__main__":
    main()
