"""A whole training step of SSD MobileNet v1 with its input, and its parts: time, share of waiting, peak memory.

    python benchmarks/train_ssd.py --steps 60

Width 1.0, 300x300, 90 classes, batch norm in training, batch 8, horizontal flip and SSD crop, from generated JPEGs of
1024x640. Each line is measured in its own process: the input alone; the step alone (the same batch each time); both
together, as in training; and both without op determinism, which shows the cost of exact reruns. The limits for 2 cores
are 0.5 s per step with input and 2500 MB. On a busy machine rely on processor seconds.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import make_images
from measuring import Stopwatch, peak_memory

TEMPLATE = Path(__file__).parent.parent / "config/pipelines/ssd_mobilenet_v1.config"
OVERRIDES = {
    "model.ssd.num_classes": 90,
    "model.ssd.freeze_batchnorm": False,
    "model.ssd.feature_extractor.conv_hyperparams.batch_norm.train": True,
    "model.ssd.box_predictor.convolutional_box_predictor.conv_hyperparams.batch_norm.train": True,
}
JOBS = ("input alone", "step alone", "together", "together, not deterministic")
LABEL_MAP = {name: i + 1 for i, name in enumerate(make_images.CLASSES)}
WARM_UP = 5


def write_records(path: Path, size: tuple[int, int], count: int) -> None:
    """One TFRecord file of `count` JPEGs of `size` (width, height) with 1 to 3 boxes each."""
    from boxwright import tfrecord
    from boxwright.dataset.samples import Box, Sample
    from boxwright.records import example

    make_images.KINDS["asked"] = (size, 88, 7.0)
    jpegs = make_images.distinct_jpegs("asked")
    width, height = size
    with path.open("wb") as file:
        for number in range(count):
            boxes = []
            for i in range(number % 3 + 1):
                xmin, ymin = (number * 7 + i * 29) % (width // 2), (number * 11 + i * 17) % (height // 2)
                name = make_images.CLASSES[(number + i) % len(make_images.CLASSES)]
                boxes.append(Box(name, xmin, ymin, xmin + width // 4, ymin + height // 3))
            sample = Sample(f"{number}.jpg", "", "", width, height, "jpeg", (), tuple(boxes))
            tfrecord.write(file, example.to_example(sample, jpegs[number % len(jpegs)], LABEL_MAP))
    print(f"{count} JPEGs of {width}x{height}, {statistics.mean(map(len, jpegs)) / 1000:.0f} kB each")


def measure(job: str, records: Path, arguments: argparse.Namespace) -> None:
    """Run one job and print its line."""
    import tensorflow as tf

    from boxwright import devices
    from boxwright.detector.build import build
    from boxwright.pipeline import overrides, text
    from boxwright.training import inputs, segment
    from boxwright.training.step import compile_step

    if job.endswith("not deterministic"):
        tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
        tf.config.threading.set_inter_op_parallelism_threads(2)
    else:
        segment.configure_tensorflow(devices.take(devices.Compute()), arguments.threads, seed=0)
    config = text.read(TEMPLATE)
    overrides.apply(config, OVERRIDES | {"train_config.batch_size": arguments.batch})
    detector = build(config.model)
    trained = segment.trained_variables(detector, config.train_config)
    optimizer = segment.build_optimizer(config.train_config.optimizer, trained)
    data = inputs.build(config, [records], LABEL_MAP, detector.preprocess, seed=0)
    batches = data.batches(0, arguments.steps + WARM_UP)
    step = None
    if job != "input alone":
        step = compile_step(detector, optimizer, batches.spec, **segment.numbers_of_step(config.train_config))
    batch = next(batches)
    seconds, waited = [], []
    for number in range(arguments.steps + WARM_UP - 1):
        if number == WARM_UP - 1:
            whole = Stopwatch()
        watch = Stopwatch()
        if job != "step alone":
            batch = next(batches)
        waited.append(watch.read()[0])
        if step:
            float(step(batch, 1e-4, number)["Loss/total_loss"])
        seconds.append(watch.read()[0])
    wall, processor = whole.read()
    steps = arguments.steps
    share = sum(waited[WARM_UP - 1 :]) / wall
    print(
        f"{job:28s} {wall / steps:.3f} s per step (median {statistics.median(seconds[WARM_UP - 1 :]):.3f}), "
        f"{processor / steps:.3f} processor s, {arguments.batch * steps / wall:4.0f} images/s, "
        f"waiting {share:4.0%}, peak {peak_memory():.0f} MB",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--size", type=int, nargs=2, default=(1024, 640), help="width and height of the JPEGs")
    parser.add_argument("--threads", type=int, default=2, help="intra-op threads")
    parser.add_argument("--job", choices=JOBS, help=argparse.SUPPRESS)
    parser.add_argument("--records", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.job:
        measure(arguments.job, arguments.records, arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        records = Path(folder) / "train.tfrecord"
        write_records(records, tuple(arguments.size), count=256)
        for job in JOBS:
            subprocess.run([sys.executable, *sys.argv, "--job", job, "--records", str(records)], check=True)


if __name__ == "__main__":
    main()
