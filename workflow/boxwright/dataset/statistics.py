"""Statistics of a data set: counts and histograms of each side of the split, in memory that does not grow with it."""

import heapq
import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

from boxwright.dataset import manifest
from boxwright.dataset.samples import Sample

# Edges of the histograms; values beyond an end count in the bin at that end. Sizes in pixels go by half octaves and
# aspect ratios by thirds of octaves, because a factor of two matters as much at any size.
BINS: dict[str, list[float]] = {
    "box_side": [2 ** (half / 2) for half in range(27)],
    "box_aspect": [2 ** (third / 3) for third in range(-12, 13)],
    "boxes_per_image": [float(count) for count in range(102)],
    "image_side": [2 ** (half / 2) for half in range(8, 29)],
}


def of(manifests: Mapping[str, Iterable[str | Path]], label_map: Mapping[str, int]) -> dict[str, Any]:
    """Statistics of the samples in the manifests of each side, as plain values for JSON.

    Returns `{classes: id by name, bins: edges by histogram, train: side, eval: side, ...}` with `side` as
    `{images, boxes, negatives, most_boxes, difficult, classes: boxes by name, images_with: images by name}` and one
    list of counts per histogram. Where a side has ignore regions, `regions` is their number and `images_with_regions`
    that of the images that have some; they count nowhere else. A box's side is that of a square with its area; its
    aspect is width over height.
    """
    sides = {
        side: _side(sample for path in paths for sample in manifest.read(path)) for side, paths in manifests.items()
    }
    return {"classes": dict(label_map), "bins": BINS, **sides}


def sample(manifests: Iterable[str | Path], most: int, seed: int = 0, boxed: bool = False) -> list[Sample]:
    """At most `most` random samples, sorted by name; the same ones for the same `seed` and data set.

    `boxed` leaves out images without boxes. If an image is added or removed, at most one other sample of the choice
    changes.
    """

    def draw(one: Sample) -> bytes:
        return blake2b(f"{seed} {one.name}".encode("utf-8", "surrogateescape"), digest_size=8).digest()

    samples = (one for path in manifests for one in manifest.read(path) if one.boxes or not boxed)
    return sorted(heapq.nsmallest(most, samples, key=draw), key=lambda one: one.name)


def _side(samples: Iterable[Sample]) -> dict[str, Any]:
    histograms = {name: [0] * (len(edges) - 1) for name, edges in BINS.items()}
    classes, images_with = Counter(), Counter()
    images = negatives = difficult = most = regions = images_with_regions = 0
    for one in samples:
        images += 1
        negatives += not one.boxes
        most = max(most, len(one.boxes))
        regions += len(one.regions)
        images_with_regions += bool(one.regions)
        names = [box.class_name for box in one.boxes]
        classes.update(names)
        images_with.update(set(names))
        _count(histograms, "boxes_per_image", len(one.boxes))
        _count(histograms, "image_side", max(one.width, one.height))
        for box in one.boxes:
            difficult += box.difficult
            width, height = box.xmax - box.xmin, box.ymax - box.ymin
            _count(histograms, "box_side", math.sqrt(width * height))
            _count(histograms, "box_aspect", width / height)
    return {
        "images": images,
        "boxes": classes.total(),
        "negatives": negatives,
        "most_boxes": most,
        "difficult": difficult,
        "classes": dict(sorted(classes.items())),
        "images_with": dict(sorted(images_with.items())),
        **({"regions": regions, "images_with_regions": images_with_regions} if regions else {}),
        **histograms,
    }


def _count(histograms: Mapping[str, list[int]], name: str, value: float) -> None:
    edges: Sequence[float] = BINS[name]
    histograms[name][min(max(bisect_right(edges, value) - 1, 0), len(edges) - 2)] += 1
