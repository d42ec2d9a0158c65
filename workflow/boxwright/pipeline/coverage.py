"""How well a model's anchors fit the boxes of a data set: the best IoU that any anchor reaches on each box.

A box on which no anchor reaches the matcher's threshold, mostly 0.5, is learned from its single best anchor at most. No
TensorFlow: it is known from the configuration alone, before any training. Anchors lie on grids, so their overlap with
a box along y does not depend on their place along x; the best overlap is the product of the two best, and the
thousands of anchors of an image need never be listed.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from google.protobuf.message import Message

from boxwright.boxes.anchor_kinds import GENERATORS, grid_kinds, pyramid_kinds, ssd_kinds
from boxwright.catalog import check
from boxwright.core.errors import UserError
from boxwright.dataset.samples import Sample
from boxwright.protos import model_of

# The IoU from which an anchor meets a box.
MEETS = 0.5

# How often the backbones halve an image, rounding up, until the first feature map of an SSD.
_SSD_HALVINGS = 4


class Grid(NamedTuple):
    """Anchors on one feature map: sizes float64 [K, 2] (height, width), centers float64 [rows] along y and [columns]
    along x; pixels of the network's input.
    """

    sizes: np.ndarray
    ys: np.ndarray
    xs: np.ndarray


class Fit(NamedTuple):
    """Of N boxes: sides float64 [N, 2] (height, width) in pixels of the network's input, and iou float64 [N], that of
    the best anchor.
    """

    sides: np.ndarray
    iou: np.ndarray


def fit(config: Message, boxes: np.ndarray, images: np.ndarray) -> Fit:
    """How the anchors of a TrainEvalPipelineConfig fit boxes.

    boxes: [N, 4] normalised [ymin, xmin, ymax, xmax]; images: [N, 2] height and width in pixels of each box's image.
    Anchors are those of training: with Faster R-CNN the ones within the image, or clipped to it if
    `clip_anchors_to_image`. Raises UserError for a model without anchors and an anchor generator that contradicts
    itself.
    """
    boxes, images = np.asarray(boxes, np.float64).reshape(-1, 4), np.asarray(images, int).reshape(-1, 2)
    sides, best = np.zeros((len(boxes), 2)), np.zeros(len(boxes))
    model, name = _with_anchors(config)
    for image in np.unique(images, axis=0):
        mine = np.flatnonzero((images == image).all(axis=1))
        scaled, padded = input_size(model.image_resizer, *image.tolist())
        corners = boxes[mine] * (*scaled, *scaled)
        sides[mine] = corners[:, 2:] - corners[:, :2]
        clip = name == "faster_rcnn" and model.clip_anchors_to_image
        inside = name == "faster_rcnn" and not clip
        for grid in grids(config, padded):
            best[mine] = np.maximum(best[mine], _best(corners, grid, padded, clip, inside))
    return Fit(sides, best)


def anchorless(config: Message, images: np.ndarray) -> tuple[int, int] | None:
    """Height and width, as the network gets it, of the first of `images` without an anchor inside; None: all have one.

    Faster R-CNN leaves out anchors that reach over the image's border, unless `clip_anchors_to_image`. Without images,
    this is known where the resizer makes all of them alike.
    """
    model, name = model_of(config)
    if name != "faster_rcnn" or model.clip_anchors_to_image or not check.sound(model):
        return None
    if model.first_stage_anchor_generator.WhichOneof("anchor_generator_oneof") != "grid_anchor_generator":
        return None
    kind = model.image_resizer.WhichOneof("image_resizer_oneof")
    if kind == "fixed_shape_resizer" or model.image_resizer.keep_aspect_ratio_resizer.pad_to_max_dimension:
        images = [(1, 1)]
    for image in np.unique(np.asarray(images, int).reshape(-1, 2), axis=0):
        _, size = input_size(model.image_resizer, *image.tolist())
        if not any(_has_anchor_inside(grid, size) for grid in grids(config, size)):
            return size
    return None


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
    model, _ = model_of(config)
    if not len(boxes) or not check.sound(model):
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


def grids(config: Message, size: tuple[int, int]) -> Iterator[Grid]:
    """The anchors of a model on an input of this height and width; UserError where it has none."""
    model, name = _with_anchors(config)
    generator = getattr(model, GENERATORS[name])
    kind = generator.WhichOneof("anchor_generator_oneof")
    message = getattr(generator, kind or "ssd_anchor_generator")
    if kind == "ssd_anchor_generator" and name == "ssd":
        yield from _ssd_grids(message, _ssd_maps(model.feature_extractor, size, message.num_layers), size)
    elif kind == "multiscale_anchor_generator" and name == "ssd":
        yield from _pyramid_grids(message, model.feature_extractor, size)
    elif kind == "grid_anchor_generator" and name == "faster_rcnn":
        stride = model.feature_extractor.first_stage_features_stride
        rows, columns = (_halved(side, stride.bit_length() - 1) for side in size)
        yield Grid(
            _sizes(grid_kinds(message), message.height, message.width),
            np.arange(rows) * message.height_stride + message.height_offset,
            np.arange(columns) * message.width_stride + message.width_offset,
        )
    else:
        raise UserError(f"model.{name}: {kind or 'no anchor generator'} is not one that goes with it.")


def _with_anchors(config: Message) -> tuple[Message, str]:
    """As `model_of`; UserError for a model without anchors."""
    model, name = model_of(config)
    if name not in GENERATORS:
        raise UserError(f"model.{name} has no anchors that are known here; ssd and faster_rcnn have.")
    return model, name


def input_size(resizer: Message, height: int, width: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Height and width of an image after an `ImageResizer` message, without and with padding."""
    kind = resizer.WhichOneof("image_resizer_oneof")
    settings = getattr(resizer, kind) if kind else None
    sides = np.array([height, width], np.float32)  # rounded as the resizers themselves round
    size = (height, width)
    if kind == "fixed_shape_resizer":
        size = (settings.height, settings.width)
    elif kind == "keep_aspect_ratio_resizer":
        large = np.round(sides * np.float32(settings.min_dimension / sides.min())).astype(int)
        small = np.round(sides * np.float32(settings.max_dimension / sides.max())).astype(int)
        size = tuple((small if large.max() > settings.max_dimension else large).tolist())
        if settings.pad_to_max_dimension:
            return size, (settings.max_dimension,) * 2
    elif kind == "conditional_shape_resizer":
        condition = settings.DESCRIPTOR.fields_by_name["condition"].enum_type.values_by_number[settings.condition].name
        pick, side = (min, max(height, width)) if condition == "GREATER" else (max, min(height, width))
        ratio = np.float32(pick(side, settings.size_threshold)) / np.float32(side)
        size = tuple((sides * ratio).astype(int).tolist())
    elif kind == "pad_to_multiple_resizer":
        return size, tuple(side + -side % max(settings.multiple, 1) for side in size)
    return size, size


def _best(corners: np.ndarray, grid: Grid, size: tuple[int, int], clip: bool, inside: bool) -> np.ndarray:
    """The best IoU [N] of the anchors of one grid with boxes [N, 4], in pixels."""
    best = np.zeros(len(corners))
    own = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    for height, width in grid.sizes:
        y = _overlaps(corners[:, 0], corners[:, 2], grid.ys, height, size[0], clip, inside)
        x = _overlaps(corners[:, 1], corners[:, 3], grid.xs, width, size[1], clip, inside)
        if not y.shared.size or not x.shared.size:
            continue
        if clip:  # anchors of one kind differ in area, so each place is looked at
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


def _ssd_grids(message: Message, maps: list[tuple[int, int]], size: tuple[int, int]) -> Iterator[Grid]:
    shorter = min(size)
    for layer, (kinds, shape) in enumerate(zip(ssd_kinds(message), maps, strict=True)):
        centers = []
        for axis, side in enumerate(("height", "width")):
            strides, offsets = getattr(message, f"{side}_stride"), getattr(message, f"{side}_offset")
            stride = strides[layer] if strides else size[axis] / shape[axis]
            centers.append(np.arange(shape[axis]) * stride + (offsets[layer] if offsets else 0.5 * stride))
        base = (shorter * message.base_anchor_height, shorter * message.base_anchor_width)
        yield Grid(_sizes(kinds, *base), *centers)


def _pyramid_grids(message: Message, extractor: Message, size: tuple[int, int]) -> Iterator[Grid]:
    levels = range(message.min_level, message.max_level + 1)
    for level, shape in zip(levels, _ssd_maps(extractor, size, len(levels)), strict=True):
        stride = 2.0**level
        centers = [
            np.arange(count) * stride + (0.5 * stride if side % stride == 0 else 0.0)
            for count, side in zip(shape, size, strict=True)
        ]
        yield Grid(_sizes(pyramid_kinds(message), *[message.anchor_scale * stride] * 2), *centers)


def _ssd_maps(extractor: Message, size: tuple[int, int], count: int) -> list[tuple[int, int]]:
    """Rows and columns of the feature maps of an SSD, each half of the one before."""
    multiple = max(extractor.pad_to_multiple, 1)
    padded = [side + -side % multiple for side in size]
    return [tuple(_halved(side, _SSD_HALVINGS + index) for side in padded) for index in range(count)]


def _halved(side: int, times: int) -> int:
    """A side after so many halvings that round up, as SAME padding and fixed padding alike do."""
    return -(-side // 2**times)


def _sizes(kinds: list[tuple[float, float]], height: float, width: float) -> np.ndarray:
    """Heights and widths [K, 2] of kinds on a base of this height and width."""
    scales, roots = np.array([(scale, ratio**0.5) for scale, ratio in kinds]).T
    return np.stack([scales / roots * height, scales * roots * width], axis=1)
