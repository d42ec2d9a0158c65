"""How much of a training step's time is the arithmetic of its dense products, which no software can save.

    python benchmarks/arithmetic.py --config config/pipelines/ssd_mobilenet_v1.config --batch 8 --size 300 300

Counts the multiplications and additions of all convolutions and matrix products in the graph of a step, forward and for
both gradients; those of depthwise convolutions, which are few, and of tensors whose size the graph does not know, such
as the crops of Faster R-CNN, are left out. The processor's speed is that of one large
product of float32 matrices, measured before and after the steps. Prints the processor seconds that the dense products
take at that speed, and those of a step.
"""

import argparse
import inspect
import statistics
import time
from collections.abc import Iterator

import tensorflow as tf
from train_step import RATE, compiled

from boxwright import devices
from boxwright.training import segment
from boxwright.training.log import TOTAL

SIDE = 2048


def products(graph: tf.Graph) -> Iterator[int]:
    """The floating point operations of each dense product of `graph`: two for each product of two numbers."""
    for op in graph.get_operations():
        if op.type == "MatMul":
            rows, columns = op.outputs[0].shape
            shared = op.inputs[0].shape[0 if op.get_attr("transpose_a") else 1]
            if None not in (rows, columns, shared):
                yield 2 * rows * columns * shared
        elif op.type in ("Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter"):
            output = op.outputs[0] if op.type == "Conv2D" else op.inputs[2]
            filters = op.outputs[0] if op.type == "Conv2DBackpropFilter" else op.inputs[1]
            if output.shape.is_fully_defined():
                height, width, channels, _ = filters.shape
                yield 2 * output.shape.num_elements() * height * width * channels


def speed() -> float:
    """Floating point operations per processor second in products of square matrices."""
    factor = tf.random.normal([SIDE, SIDE])
    tf.matmul(factor, factor).numpy()
    start = time.process_time()
    for _ in range(10):
        tf.matmul(factor, factor).numpy()
    return 10 * 2 * SIDE**3 / (time.process_time() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--config", required=True, help="a pipeline.config")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--size", type=int, nargs=2, default=(480, 640), help="height and width of the images")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--set", nargs="*", default=[], help="overrides; values as in YAML")
    arguments = parser.parse_args()
    segment.configure_tensorflow(devices.take(devices.Compute()), 2, seed=0)
    step, batch = compiled(arguments.config, arguments.batch, arguments.size, arguments.set)
    speeds, seconds = [speed()], []
    for number in range(arguments.steps + 3):
        start = time.process_time()
        float(step(batch, RATE, number)[TOTAL])
        seconds.append(time.process_time() - start)
    speeds.append(speed())
    graph = inspect.getclosurevars(step).nonlocals["compiled"]().graph
    operations, fastest, took = sum(products(graph)), max(speeds), statistics.median(seconds[3:])
    print(
        f"dense products: at least {operations / 1e9:.1f} GFLOP, which take {operations / fastest:.3f} processor "
        f"seconds at {fastest / 1e9:.0f} GFLOP/s; a step took {took:.3f}"
    )


if __name__ == "__main__":
    main()
