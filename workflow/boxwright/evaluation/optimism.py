"""How much a figure flatters the chosen checkpoint because the images that measured it also chose it.

The largest of several figures is partly luck. How much is measured by choosing again: the evaluation images are drawn
with replacement, the best checkpoint (and then the best model) on the draw is chosen, and what was chosen is measured
on the images that the draw left out. The mean of these is what the choice is worth on images that did not take part in
it; what the figure has above that is its optimism (bootstrap bias correction; Tsamardinos, Greasidou, Borboudakis,
"Bootstrapping the out-of-sample predictions for efficient and accurate cross-validation", Machine Learning 107, 2018).

An average precision differs a little between many and few images without any choice. So each checkpoint's own mean
difference between all images and those left out is added back: without a choice the optimism is 0.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from boxwright.console import progress
from boxwright.evaluation import names, overlaps
from boxwright.evaluation.data import Dataset, Detections
from boxwright.evaluation.interval import average_precisions, mean_of
from boxwright.evaluation.ranking import rankings

RESAMPLES = 500
# COCO's IoU thresholds.
_THRESHOLDS = tuple(np.linspace(0.5, 0.95, 10).round(2).tolist())
_MEANS = {
    names.PRECISION + "mAP": _THRESHOLDS,
    names.PRECISION + "mAP@.50IOU": (0.5,),
    names.PRECISION + "mAP@.75IOU": (0.75,),
}


class Draws(NamedTuple):
    """How often each image counts, unsigned [R, I]: in each resample, and among the images that it leaves out."""

    taken: np.ndarray
    left_out: np.ndarray


def draws(images: int, resamples: int = RESAMPLES, seed: int = 0) -> Draws:
    """Resamples of so many images, the same for all checkpoints."""
    random = np.random.default_rng(seed)
    taken = np.stack([np.bincount(random.integers(0, images, images), minlength=images) for _ in range(resamples)])
    return Draws(taken.astype(np.min_scalar_type(taken.max())), (taken == 0).astype(np.uint8))


class Figures(NamedTuple):
    """A metric of a checkpoint: on all images, on each resample [R], on what each leaves out [R]; NaN if undefined."""

    whole: float
    taken: np.ndarray
    left_out: np.ndarray


def figures(dataset: Dataset, detections: Detections, metric: str, drawn: Draws) -> Figures:
    """The figures of a checkpoint's detections, of a metric that `covers` allows."""
    thresholds, name = _parts(metric)
    dataset = replace(dataset, label_map={name: dataset.label_map[name]}) if name else dataset
    detections = detections.where(np.isin(detections.classes, list(dataset.class_names())))
    pairs = overlaps.overlapping(dataset.truth, detections, min(thresholds))
    everything = np.ones((1, len(dataset.images)), np.uint8)
    means = []
    for threshold in thresholds:
        matches = overlaps.match(dataset.truth, detections, pairs.where(pairs.overlap >= threshold))
        ranked = rankings(dataset, detections, matches).values()
        parts = (everything, drawn.taken, drawn.left_out)
        means.append([mean_of(average_precisions(dataset, detections, ranked, part)) for part in parts])
    whole, taken, left_out = (np.mean(part, axis=0) for part in zip(*means, strict=True))
    return Figures(float(whole[0]), taken, left_out)


def covers(metric: str, classes: Iterable[str]) -> bool:
    """Whether the optimism of a metric can be measured: of COCO's mAP over all sizes and of the AP of one class."""
    _, name = _parts(metric)
    return metric in _MEANS or name in set(classes)


def _parts(metric: str) -> tuple[tuple[float, ...], str]:
    """The IoU thresholds of a metric, and the class that it is about; "" for all."""
    for prefix, thresholds in ((names.PER_CLASS, _THRESHOLDS), (names.PER_CLASS_50, (0.5,))):
        if metric.startswith(prefix):
            return thresholds, metric.removeprefix(prefix)
    return _MEANS.get(metric, ()), ""


def of_choice(families: Mapping[str, Sequence[Sequence[Figures]]]) -> tuple[float | None, dict[str, float | None]]:
    """The optimism of the best family's figure, and that of each family.

    A family is one model with its repetitions; of each repetition it has the figures of the checkpoints that could be
    chosen. A family's figure is the mean over its repetitions, and the family with the best one is chosen too. None if
    the metric is undefined.
    """
    every = [one for models in families.values() for steps in models for one in steps]
    defined = np.all([np.isfinite(one.taken) & np.isfinite(one.left_out) for one in every], axis=0)
    if not defined.any() or not all(np.isfinite(one.whole) for one in every):
        return None, dict.fromkeys(families)
    chosen = [
        [np.mean(part, axis=0) for part in zip(*(_best(steps, defined) for steps in models), strict=True)]
        for models in families.values()
    ]
    single = {name: _optimism([one]) for name, one in zip(families, chosen, strict=True)}
    return _optimism(chosen), single


def _best(steps: Sequence[Figures], defined: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Of the best checkpoint: its figure, and by resample the figure that chose it and that on the images left out."""
    whole = np.array([one.whole for one in steps])
    taken, left_out = (np.stack([part[defined] for part in column]) for column in list(zip(*steps, strict=True))[1:])
    left_out = left_out + (whole - left_out.mean(axis=1))[:, np.newaxis]
    best = np.argmax(taken, axis=0)  # the earliest of equals, as in the choice itself
    every = np.arange(taken.shape[1])
    return whole.max(), taken[best, every], left_out[best, every]


def _optimism(chosen: Sequence[Sequence[Any]]) -> float:
    whole, taken, left_out = (np.stack(column) for column in zip(*chosen, strict=True))
    best = np.argmax(taken, axis=0)
    return float(whole.max() - left_out[best, np.arange(taken.shape[1])].mean())


def measure(
    dataset: Dataset, families: Mapping[str, Sequence[Sequence[str | Path]]], metric: str
) -> dict[str, float | int | str | dict[str, float | None] | None]:
    """The content of optimism.json, for the metric that chose.

    families: by name, for each repetition of a model, the detections.json files of the checkpoints that could be
    chosen, by step. Returns {metric, resamples, checkpoints, optimism, models, reason}: the optimism of the headline,
    in which the best model was chosen too, and that of each model. These are None where there is a `reason`.
    """
    result = {
        "metric": metric,
        "resamples": RESAMPLES,
        "checkpoints": sum(len(steps) for models in families.values() for steps in models),
        "optimism": None,
        "models": dict.fromkeys(families),
        "reason": None,
    }
    if not covers(metric, dataset.label_map):
        return result | {"reason": f"it is measured for {', '.join(_MEANS)} and the AP of one class"}
    drawn = draws(len(dataset.images))
    paths = [path for models in families.values() for steps in models for path in steps]
    found = {
        path: figures(dataset, _read(path), metric, drawn)
        for path in progress.track(paths, label="Choosing again", unit="checkpoints")
    }
    headline, single = of_choice(
        {name: [[found[path] for path in steps] for steps in models] for name, models in families.items()}
    )
    reason = "the images have too few boxes to be divided" if headline is None else None
    return result | {"optimism": headline, "models": single, "reason": reason}


def _read(path: str | Path) -> Detections:
    """The detections in a file that `coco.write_results` wrote."""
    rows = json.loads(Path(path).read_text(encoding="utf-8"))
    x, y, width, height = np.array([row["bbox"] for row in rows], np.float64).reshape(-1, 4).T
    return Detections(
        np.array([row["image_id"] - 1 for row in rows], np.int64),
        np.stack([y, x, y + height, x + width], axis=1),
        np.array([row["score"] for row in rows], np.float64),
        np.array([row["category_id"] for row in rows], np.int64),
    )
