"""How long a training step takes on a CPU in float32 and with its products in bfloat16, in turn.

    python benchmarks/precision.py --config config/pipelines/ssd_mobilenet_v1.config --batch 8 --size 300 300

Random images and boxes, TensorFlow as a training sets it up. Prints the processor seconds of a step in each precision
(the median; all threads together), which move less than the time where the machine is busy, and their ratio. With
`--memory` it trains in one precision alone and prints the peak resident memory instead.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from measuring import peak_memory
from train_step import stepper

from boxwright import devices
from boxwright.detector import precision
from boxwright.devices import instructions
from boxwright.training import segment

KINDS = ("float32", "bfloat16")
# The first step builds the graph, the second fills caches.
WARM_UP = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--config", required=True, help="a pipeline.config")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--size", type=int, nargs=2, default=(480, 640), help="height and width of the images")
    parser.add_argument("--set", nargs="*", default=[], help="overrides, such as model.ssd.num_classes=90")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2, help="intra-op threads")
    parser.add_argument("--memory", choices=KINDS)
    arguments = parser.parse_args()
    if not instructions.here():
        print("Skipped: this processor has no instructions for products in bfloat16.")
        return
    segment.configure_tensorflow(devices.take(devices.Compute()), arguments.threads, seed=0)
    kinds = [arguments.memory] if arguments.memory else KINDS
    steppers = {
        kind: stepper(arguments.config, arguments.batch, arguments.size, arguments.set, precision.of(kind, gpu=False))
        for kind in kinds
    }
    used: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(arguments.steps + WARM_UP):
        for kind, step in steppers.items():
            start = time.process_time()
            step()
            used[kind].append(time.process_time() - start)
    seconds = {kind: statistics.median(each[WARM_UP:]) for kind, each in used.items()}
    if arguments.memory:
        print(f"{arguments.memory} {seconds[arguments.memory]:.3f} s, peak memory {peak_memory():.0f} MB")
        return
    whole, rounded = (seconds[kind] for kind in KINDS)
    print(f"float32 {whole:.3f} s, bfloat16 {rounded:.3f} s, ratio {rounded / whole:.2f}")


if __name__ == "__main__":
    main()
