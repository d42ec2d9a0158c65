"""How well a model's anchors fit the boxes of a data set: the best IoU that any anchor reaches on each box.

A box on which no anchor reaches the matcher's threshold, usually 0.5, is learned from its single best anchor at most.
The fit depends on the configuration alone, so it is known before any training, without TensorFlow. Anchors lie on
grids, so their overlap with a box along y does not depend on their place along x; the best overlap is the product of
the two best, and the thousands of anchors of an image never have to be listed.
"""

from typing import NamedTuple

import numpy as np
from google.protobuf.message import Message

from boxwright.boxes.anchors.generator import AnchorGenerator, Grid
from boxwright.catalog import check
from boxwright.catalog.extractors import row_of
from boxwright.catalog.families import FAMILIES
from boxwright.core.errors import UserError
from boxwright.dataset.samples import Sample
from boxwright.pipeline import parts
from boxwright.protos import model_of

# The IoU from which an anchor matches a box.
MEETS = 0.5


class Fit(NamedTuple):
    """How well anchors fit N boxes.

    sides: float64 [N, 2], height and width of each box in pixels of the network's input. iou: float64 [N], the IoU of
    each box with its best anchor.
    """

    sides: np.ndarray
    iou: np.ndarray


def fit(config: Message, boxes: np.ndarray, images: np.ndarray) -> Fit:
    """How the anchors of a TrainEvalPipelineConfig fit boxes.

    boxes: [N, 4] normalised [ymin, xmin, ymax, xmax]; images: [N, 2] height and width in pixels of each box's image.
    Anchors are those of training: if the family does not learn from anchors that extend over the image's border, only
    those within it, or all clipped to it with `clip_anchors_to_image`. Raises UserError for a model whose anchors are
    not known here and for an inconsistent anchor generator.
    """
    boxes, images = np.asarray(boxes, np.float64).reshape(-1, 4), np.asarray(images, int).reshape(-1, 2)
    sides, best = np.zeros((len(boxes), 2)), np.zeros(len(boxes))
    layout = Layout(config)
    for image in np.unique(images, axis=0):
        mine = np.flatnonzero((images == image).all(axis=1))
        scaled, padded = layout.sizes(*image.tolist())
        corners = boxes[mine] * (*scaled, *scaled)
        sides[mine] = corners[:, 2:] - corners[:, :2]
        for grid in layout.grids(padded):
            best[mine] = np.maximum(best[mine], _best(corners, grid, padded, layout.clips, layout.leaves_out))
    return Fit(sides, best)


def anchorless(config: Message, images: np.ndarray) -> tuple[int, int] | None:
    """Height and width, in the network's input, of the first of `images` without an anchor inside; None: all have one.

    This matters if training leaves out anchors that extend over the image's border. `images` may be empty if the
    resizer gives all images the same size. None also for a model whose anchors are not known.
    """
    try:
        layout = Layout(config)
        if not layout.leaves_out:
            return None
        rows = np.unique(np.asarray(images, int).reshape(-1, 2), axis=0)
        sizes = [layout.static_size] if layout.static_size else [layout.sizes(*row)[1] for row in rows.tolist()]
        return next((size for size in sizes if not _any_inside(layout, size)), None)
    except UserError:
        return None


def _any_inside(layout: "Layout", size: tuple[int, int]) -> bool:
    return any(_has_anchor_inside(grid, size) for grid in layout.grids(size))


def _has_anchor_inside(grid: Grid, size: tuple[int, int]) -> bool:
    places = zip((grid.ys, grid.xs), size, strict=True)
    fits = [
        ((centers - sides[:, np.newaxis] / 2 >= 0) & (centers + sides[:, np.newaxis] / 2 <= limit)).any(axis=1)
        for (centers, limit), sides in zip(places, grid.sizes.T, strict=True)
    ]
    return bool((fits[0] & fits[1]).any())


def share(config: Message, boxes: np.ndarray, images: np.ndarray) -> float | None:
    """The share of boxes on which some anchor reaches an IoU of MEETS; None without boxes or without known anchors.

    Takes `config`, `boxes` and `images` as `fit` does.
    """
    if not len(boxes):
        return None
    try:
        return float((fit(config, boxes, images).iou >= MEETS).mean())
    except UserError:
        return None


def boxes_of(samples: list[Sample]) -> tuple[np.ndarray, np.ndarray]:
    """The boxes of samples as `fit` takes them: normalised [N, 4], and their images' sizes [N, 2]."""
    rows = [
        (
            box.ymin / one.height,
            box.xmin / one.width,
            box.ymax / one.height,
            box.xmax / one.width,
            one.height,
            one.width,
        )
        for one in samples
        for box in one.boxes
    ]
    table = np.array(rows, np.float64).reshape(-1, 6)
    return table[:, :4], table[:, 4:].astype(int)


class Layout:
    """Where the anchors of an image lie, by the fields of a TrainEvalPipelineConfig.

    clips: whether anchors that extend over the border are clipped to it. leaves_out: whether they are left out of
    training. Raises UserError for a model whose anchors are not known here, and for impossible values.
    """

    def __init__(self, config: Message) -> None:
        self._model, name = model_of(config)
        self._row = row_of(self._model, name)
        if self._row is None:
            raise UserError(f"The anchors of model.{name} are not known: its feature extractor is not supported.")
        family = FAMILIES[name]
        if not family.anchor_generator:
            raise UserError(f"model.{name} has no anchors.")
        message = getattr(self._model, family.anchor_generator)
        check.require(message, f"model.{name}.{family.anchor_generator}")
        for part in ("image_resizer", "feature_extractor"):
            check.require(getattr(self._model, part), f"model.{name}.{part}")
        self._generator: AnchorGenerator = parts.make(message)
        self._resizer = parts.make(self._model.image_resizer)
        self.clips = not family.border_anchors and self._model.clip_anchors_to_image
        self.leaves_out = not family.border_anchors and not self.clips

    @property
    def static_size(self) -> tuple[int, int] | None:
        """Height and width of every image as the network gets it; None if they differ."""
        return self._resizer.static_size

    def sizes(self, height: int, width: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """Height and width of an image as the network gets it, without and with padding."""
        return self._resizer.sizes(height, width)

    def grids(self, size: tuple[int, int]) -> list[Grid]:
        """The anchors on an input of this height and width, with padding."""
        return self._generator.grids(self._feature_shapes(size), size, static=self.static_size is not None)

    def _feature_shapes(self, size: tuple[int, int]) -> list[tuple[int, int]]:
        """Rows and columns of the feature maps that have anchors.

        A backbone with a choice of strides has a single map.
        """
        extractor = self._model.feature_extractor
        if self._row.strides:
            return [tuple(-(-side // extractor.first_stage_features_stride) for side in size)]
        multiple = max(self._row.taken(extractor, "pad_to_multiple"), 1)
        padded = [side + -side % multiple for side in size]
        first, shapes = self._row.cell_levels(extractor)[0], []
        for level in range(first, first + len(self._generator.per_location)):
            facts = self._row.levels.get(level)
            cells = shapes[-1] if facts is None else padded
            shapes.append(tuple(-(-each // 2) if facts is None else facts.cells(each) for each in cells))
        return shapes


def _best(corners: np.ndarray, grid: Grid, size: tuple[int, int], clip: bool, inside: bool) -> np.ndarray:
    """The best IoU [N] of the anchors of one grid with boxes [N, 4], in pixels."""
    best = np.zeros(len(corners))
    own = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    for height, width in grid.sizes:
        y = _overlaps(corners[:, 0], corners[:, 2], grid.ys, height, size[0], clip, inside)
        x = _overlaps(corners[:, 1], corners[:, 3], grid.xs, width, size[1], clip, inside)
        if not y.shared.size or not x.shared.size:
            continue
        if clip:  # clipped anchors of one kind differ in area, so each place is checked
            shared = y.shared[:, :, np.newaxis] * x.shared[:, np.newaxis, :]
            union = own[:, np.newaxis, np.newaxis] + y.sides[:, np.newaxis] * x.sides - shared
            ious = (shared / np.maximum(union, 1e-9)).max(axis=(1, 2))
        else:
            shared = y.shared.max(axis=1) * x.shared.max(axis=1)
            ious = shared / np.maximum(own + height * width - shared, 1e-9)
        best = np.maximum(best, ious)
    return best


class _Along(NamedTuple):
    shared: np.ndarray  # [N, places]: what a box shares with the anchor at each place
    sides: np.ndarray  # [places]: the anchor's length there


def _overlaps(low, high, centers, side: float, limit: int, clip: bool, inside: bool) -> _Along:
    """Overlaps along one axis of boxes from `low` to `high` [N] with anchors of length `side` around `centers`."""
    starts, ends = centers - 0.5 * side, centers + 0.5 * side
    if inside:
        fits = (starts >= 0) & (ends <= limit)
        starts, ends = starts[fits], ends[fits]
    if clip:
        starts, ends = np.clip(starts, 0, limit), np.clip(ends, 0, limit)
    shared = np.minimum(high[:, np.newaxis], ends) - np.maximum(low[:, np.newaxis], starts)
    return _Along(np.maximum(shared, 0.0), ends - starts)
