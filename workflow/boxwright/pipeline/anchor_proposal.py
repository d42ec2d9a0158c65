"""Anchors that meet more boxes than those of a configuration: other scales and aspect ratios, or a larger input.

Scales and aspect ratios are centers of clusters of the boxes, found by k-means with 1 - IoU as the distance (Redmon and
Farhadi, "YOLO9000", 2017, section 2). There are as many as before, so the layers keep their shapes and start weights
fit as before. How many boxes a proposal meets is counted with its own anchors, not with the clusters.

Meeting more boxes is not being more accurate: every box trains its best anchor anyway.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from google.protobuf.message import Message

from boxwright.catalog.families import FAMILIES
from boxwright.core.errors import UserError
from boxwright.core.wording import few
from boxwright.pipeline import coverage, overrides, parts
from boxwright.protos import model_of

# A proposal that meets fewer further boxes than this share is none.
_LEAST_GAIN = 0.05
# How much larger the input is that is tried, and the number of which its sides are multiples.
_LARGER, _MULTIPLE = 1.5, 32
_ROUNDS = 50


class Proposal(NamedTuple):
    """overrides: fields of the configuration with their values. met: by class, how many boxes anchors then meet."""

    overrides: dict[str, Any]
    met: dict[str, int]


def met(config: Message, boxes: np.ndarray, images: np.ndarray, classes: Sequence[str]) -> dict[str, int] | None:
    """By class, how many boxes some anchor meets; None if the anchors are not known.

    boxes, images: as `coverage.fit` takes them. classes: the class of each box.
    """
    try:
        found = coverage.fit(config, boxes, images).iou >= coverage.MEETS
    except UserError:
        return None
    names = np.array(list(classes), object)
    return {name: int(found[names == name].sum()) for name in sorted(set(classes))}


def propose(config: Message, boxes: np.ndarray, images: np.ndarray, classes: Sequence[str]) -> Proposal | None:
    """The change that makes anchors meet most boxes, each class counting the same; None if none helps much.

    Takes what `met` takes.
    """
    before = met(config, boxes, images, classes)
    if not before:
        return None
    counts = {name: list(classes).count(name) for name in before}
    found = []
    for change in _changes(config, boxes, images):
        changed = type(config)()
        changed.CopyFrom(config)
        try:
            overrides.apply(changed, change)
        except UserError:
            continue
        if after := met(changed, boxes, images, classes):
            found.append(Proposal(change, after))
    best = max(found, key=lambda one: _share(one.met, counts), default=None)
    gained = best and _share(best.met, counts) - _share(before, counts) >= _LEAST_GAIN
    return best if gained and sum(best.met.values()) > sum(before.values()) else None


def told(proposal: Proposal | None, counts: Mapping[str, int]) -> str:
    """A proposal in words: the overrides, and how many boxes they meet; "" without one. counts: boxes by class."""
    if proposal is None:
        return ""
    fields = ", ".join(f"{path}: {value}" for path, value in proposal.overrides.items())
    classes = [f"{name} {proposal.met[name]:,} of {count:,}" for name, count in counts.items()]
    return (
        f"with `overrides: {{{fields}}}` {sum(proposal.met.values()):,} of {sum(counts.values()):,} would "
        f"({few(classes, 5)}), which is no promise of a higher AP: train both and compare"
    )


def _share(found: Mapping[str, int], counts: Mapping[str, int]) -> float:
    """The mean over the classes of the share of boxes that anchors meet."""
    return sum(found[name] / counts[name] for name in found) / len(found)


def _changes(config: Message, boxes: np.ndarray, images: np.ndarray) -> Iterator[dict[str, Any]]:
    """Changes of the anchors, of the input, and of both."""
    try:
        anchors = list(_anchors(config, coverage.fit(config, boxes, images).sides))
    except UserError:
        return
    yield from anchors
    if larger := _larger_input(config):
        yield larger
        changed = type(config)()
        changed.CopyFrom(config)
        overrides.apply(changed, larger)
        yield from ({**larger, **one} for one in _anchors(changed, coverage.fit(changed, boxes, images).sides))


def _anchors(config: Message, sides: np.ndarray) -> Iterator[dict[str, Any]]:
    """Changes of the anchor generator by clusters of the boxes' sides in pixels of the network's input."""
    model, family = model_of(config)
    field = FAMILIES[family].anchor_generator
    kind = parts.choice(getattr(model, field))
    generator, path = getattr(getattr(model, field), kind), f"model.{family}.{field}.{kind}"
    if kind == "flexible_grid_anchor_generator":
        return
    areas, shapes = np.sqrt(sides.prod(axis=1)), _of_unit_area(sides)
    ratios = [
        round(float(width / height), 2) for height, width in _clusters(shapes, max(len(generator.aspect_ratios), 1))
    ]
    squares = np.stack([areas, areas], axis=1)
    if kind == "ssd_anchor_generator":
        base = coverage.Layout(config).static_size
        if base is None:
            return
        scales = [round(float(one) / min(base), 3) for one in _clusters(squares, generator.num_layers)[:, 0]]
        scales = [min(max(one, 0.01), 0.99) for one in scales]
        for ratio in ([1.0, *ratios[1:]] if len(ratios) > 1 else ratios, ratios, list(generator.aspect_ratios)):
            yield {f"{path}.scales": scales, f"{path}.aspect_ratios": sorted(ratio)}
    elif kind == "grid_anchor_generator":
        base = (generator.height * generator.width) ** 0.5
        scales = [round(float(one) / base, 3) for one in _clusters(squares, max(len(generator.scales), 1))[:, 0]]
        yield {f"{path}.scales": scales, f"{path}.aspect_ratios": sorted(ratios)}
    elif kind == "multiscale_anchor_generator":
        for scale in (1.0, 1.5, 2.0, 3.0, 4.0):
            yield {f"{path}.anchor_scale": scale}
            yield {f"{path}.anchor_scale": scale, f"{path}.aspect_ratios": sorted(ratios)}


def _larger_input(config: Message) -> dict[str, Any]:
    """The change to the next larger input; empty for a resizer that has no size of its own."""
    model, family = model_of(config)
    kind = parts.choice(model.image_resizer)
    fields = {
        "fixed_shape_resizer": ("height", "width"),
        "keep_aspect_ratio_resizer": ("min_dimension", "max_dimension"),
    }
    resizer, path = getattr(model.image_resizer, kind), f"model.{family}.image_resizer.{kind}"
    sizes = {name: getattr(resizer, name) for name in fields.get(kind, ())}
    return {f"{path}.{name}": round(size * _LARGER / _MULTIPLE) * _MULTIPLE for name, size in sizes.items()}


def _of_unit_area(sides: np.ndarray) -> np.ndarray:
    return sides / np.sqrt(sides.prod(axis=1, keepdims=True))


def _clusters(sides: np.ndarray, number: int) -> np.ndarray:
    """The centers [number, 2] of clusters of heights and widths [N, 2], by area; the distance is 1 - IoU."""
    order = np.argsort(sides.prod(axis=1) + 1e-9 * sides[:, 1], kind="stable")
    places = np.linspace(0, len(sides) - 1, 2 * number + 1)[1::2].round().astype(int)
    centers = sides[order[places]].astype(float)
    for _ in range(_ROUNDS):
        shared = np.minimum(sides[:, np.newaxis], centers).prod(axis=2)
        union = sides.prod(axis=1)[:, np.newaxis] + centers.prod(axis=1) - shared
        ious = shared / np.maximum(union, 1e-9)
        nearest, moved = ious.argmax(axis=1), centers.copy()
        for index in range(number):
            if (nearest == index).any():
                moved[index] = np.median(sides[nearest == index], axis=0)
            else:  # a center without boxes moves to the box that is farthest from all
                moved[index] = sides[ious.max(axis=1).argmin()]
                ious[ious.max(axis=1).argmin()] = 1.0
        if np.allclose(moved, centers):
            break
        centers = moved
    return centers[np.argsort(centers.prod(axis=1), kind="stable")]
