"""Data sets and detections that the evaluation tests share, made from a seed or from the shared annotations."""

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np

from boxwright.evaluation.data import AnnotatedBoxes, Dataset, Detections, Images

HEIGHT, WIDTH = 480, 640


def truth_of(image, boxes, classes, *, crowd=None, difficult=None, areas=None) -> AnnotatedBoxes:
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    count = len(boxes)
    own = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return AnnotatedBoxes(
        np.asarray(image, np.int64),
        boxes,
        np.asarray(classes, np.int64),
        own if areas is None else np.asarray(areas, np.float64),
        np.zeros(count, bool) if crowd is None else np.asarray(crowd, bool),
        np.zeros(count, bool) if difficult is None else np.asarray(difficult, bool),
    )


def found_of(image, boxes, scores, classes) -> Detections:
    return Detections(
        np.asarray(image, np.int64),
        np.asarray(boxes, np.float64).reshape(-1, 4),
        np.asarray(scores, np.float64),
        np.asarray(classes, np.int64),
    )


def images_of(count: int, height=HEIGHT, width=WIDTH) -> Images:
    names = tuple(f"{index:04d}.jpg" for index in range(count))
    return Images(names, np.full(count, height, np.int64), np.full(count, width, np.int64))


def random_set(seed: int, *, images=60, classes=5, empty=0.2, crowd=0.0, difficult=0.0, ties=False):
    """A data set and detections that find most objects roughly, some twice, and some that are not there.

    The last class has no ground truth, the first image no detection; detections come best score first per image.
    """
    random = np.random.default_rng(seed)
    rows, found = [], []
    for image in range(images):
        for _ in range(0 if random.random() < empty else random.integers(1, 9)):
            side = np.exp(random.uniform(np.log(10), np.log(300), 2))
            corner = random.uniform(0, (HEIGHT, WIDTH) - side)
            box, label = np.concatenate([corner, corner + side]), random.integers(1, classes)
            rows.append((image, box, label, random.random() < crowd, random.random() < difficult))
            for _ in range(random.choice(4, p=[0.15, 0.6, 0.15, 0.1])):
                moved = box + random.normal(0, 0.08, 4) * np.tile(side, 2)
                other = label if random.random() < 0.9 else random.integers(1, classes + 1)
                found.append((image, np.sort(moved.reshape(2, 2), axis=0).ravel(), random.random(), other))
        for _ in range(random.integers(0, 5)):
            corners = np.sort(random.uniform(0, 1, (2, 2)), axis=0) * (HEIGHT, WIDTH)
            found.append((image, corners.ravel(), random.random() * 0.6, random.integers(1, classes + 1)))
    found = [row for row in found if row[0]]
    found.sort(key=lambda row: (row[0], -row[2]))
    image, boxes, labels, crowds, hard = zip(*rows, strict=True)
    label_map = {f"class {number}": number for number in range(1, classes + 1)}
    boxes = np.round(boxes, 3)
    truth = truth_of(image, boxes, labels, crowd=crowds, difficult=hard)
    detections = found_of(*zip(*found, strict=True))
    scores = np.round(detections.scores, 1) if ties else detections.scores
    detections = found_of(detections.image, np.round(detections.boxes, 3), scores, detections.classes)
    return Dataset(images_of(images), truth, label_map), detections


def voc_set(folder: Path, seed: int):
    """The annotations of a folder of VOC XML, and detections made from them by moving, dropping and adding boxes."""
    random = np.random.default_rng(seed)
    files = sorted(folder.glob("*.xml"))
    label_map: dict[str, int] = {}
    rows, found, sizes, names = [], [], [], []
    for image, path in enumerate(files):
        root = ET.parse(path).getroot()
        height, width = int(root.findtext("size/height")), int(root.findtext("size/width"))
        sizes.append((height, width))
        names.append(path.stem)
        own = []
        for item in root.findall("object"):
            box = np.array([float(item.findtext(f"bndbox/{side}")) for side in ("ymin", "xmin", "ymax", "xmax")])
            label = label_map.setdefault(item.findtext("name"), len(label_map) + 1)
            rows.append((image, box, label, item.findtext("difficult") == "1"))
            if random.random() < 0.85:
                moved = np.round(box + random.normal(0, 0.06, 4) * np.tile(np.maximum(box[2:] - box[:2], 1), 2), 3)
                moved[2:] = np.maximum(moved[:2], moved[2:])
                own.append((image, moved, random.random(), label if random.random() < 0.95 else 1))
            if random.random() < 0.2:
                corners = np.sort(random.uniform(0, 1, (2, 2)), axis=0) * (height, width)
                own.append((image, np.round(corners.ravel(), 3), random.random() / 2, random.integers(1, 4)))
        found += sorted(own, key=lambda row: -row[2])
    sizes = np.array(sizes, np.int64)
    image, boxes, labels, difficult = zip(*rows, strict=True)
    dataset = Dataset(
        Images(tuple(names), sizes[:, 0], sizes[:, 1]), truth_of(image, boxes, labels, difficult=difficult), label_map
    )
    return dataset, found_of(*zip(*found, strict=True))
