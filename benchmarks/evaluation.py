"""Time and memory of measuring detections: COCO's and VOC's numbers, analysis, and bootstrap interval.

    python benchmarks/evaluation.py [--images 5000] [--classes 80] [--boxes 7] [--detections 100]

Ground truth and detections are random: every tenth image is empty, three of four boxes are found roughly, some with
another class, and the remaining detections of an image are boxes anywhere with low scores, as with a real detector. The
times are of one process; processor time counts all its threads.
"""

import argparse

import numpy as np
from measuring import Stopwatch, peak_memory

from boxwright.evaluation.data import AnnotatedBoxes, Dataset, Detections, Images
from boxwright.evaluation.measure import measure

HEIGHT, WIDTH = 480, 640


def boxes_anywhere(random: np.random.Generator, count: int) -> np.ndarray:
    """Boxes float64 [count, 4] of 10 to 300 pixels a side."""
    side = np.exp(random.uniform(np.log(10), np.log(300), (count, 2)))
    corner = random.uniform(0, 1, (count, 2)) * ((HEIGHT, WIDTH) - side)
    return np.round(np.concatenate([corner, corner + side], axis=1), 3)


def draw(images: int, classes: int, boxes: int, detections: int) -> tuple[Dataset, Detections]:
    """A data set and detections that a detector might find in it; the same each time."""
    random = np.random.default_rng(0)
    per_image = random.poisson(boxes, images)
    per_image[::10] = 0
    image = np.repeat(np.arange(images), per_image)
    truth = AnnotatedBoxes(
        image,
        corners := boxes_anywhere(random, len(image)),
        random.integers(1, classes + 1, len(image)),
        np.prod(corners[:, 2:] - corners[:, :2], axis=1),
        random.random(len(image)) < 0.01,
        np.zeros(len(image), bool),
    )
    hit = random.random(len(image)) < 0.75
    count = np.count_nonzero(hit)
    size = np.tile(corners[hit, 2:] - corners[hit, :2], 2)
    moved = (corners[hit] + random.normal(0, 0.1, (count, 4)) * size).reshape(-1, 2, 2)
    moved = np.round(np.sort(moved, axis=1).reshape(-1, 4), 3)
    label = np.where(random.random(count) < 0.85, truth.classes[hit], random.integers(1, classes + 1, count))
    missing = np.maximum(detections - np.bincount(image[hit], minlength=images), 0)
    elsewhere = np.repeat(np.arange(images), missing)
    columns = (
        np.concatenate([image[hit], elsewhere]),
        np.concatenate([moved, boxes_anywhere(random, len(elsewhere))]),
        np.round(np.concatenate([random.beta(3, 2, count), random.beta(1, 12, len(elsewhere))]), 6),
        np.concatenate([label, random.integers(1, classes + 1, len(elsewhere))]),
    )
    order = np.lexsort((-columns[2], columns[0]))
    names = tuple(f"{number:06d}.jpg" for number in range(images))
    shown = Images(names, np.full(images, HEIGHT), np.full(images, WIDTH))
    label_map = {f"class {number}": number for number in range(1, classes + 1)}
    return Dataset(shown, truth, label_map), Detections(*(column[order] for column in columns))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--classes", type=int, default=80)
    parser.add_argument("--boxes", type=int, default=7, help="per image, on average")
    parser.add_argument("--detections", type=int, default=100, help="per image")
    arguments = parser.parse_args()
    dataset, detections = draw(**vars(arguments))
    watch = Stopwatch()
    measured = measure(dataset, detections)
    wall, processor = watch.read()
    interval = measured.analysis["interval"]
    print(
        f"{arguments.images} images, {arguments.classes} classes, {len(dataset.truth)} boxes, {len(detections)} "
        f"detections: {wall:.1f} s ({processor:.1f} s of processor time), peak memory {peak_memory():.0f} MB"
    )
    print(f"mAP@.50IOU {measured.metrics[interval['metric']]:.4f}, {interval['low']:.4f} to {interval['high']:.4f}")


if __name__ == "__main__":
    main()
