"""CenterNet, which finds objects as points (Zhou et al. 2019, https://arxiv.org/abs/1904.07850)."""

from dataclasses import dataclass
from typing import Protocol

import tensorflow as tf

from boxwright.boxes import centers, geometry, nms
from boxwright.boxes.losses.loss import ClassificationLoss, LocalizationLoss
from boxwright.checkpoints.class_rows import ClassColumns
from boxwright.core.errors import UserError
from boxwright.detector.backbones import Backbone
from boxwright.detector.families.base import BuiltDetector
from boxwright.detector.groundtruth import Groundtruth
from boxwright.detector.heads.center import CENTER, OFFSET, SCALE, CenterHeads
from boxwright.detector.necks import Neck
from boxwright.devices import replicas

CENTER_LOSS, SCALE_LOSS, OFFSET_LOSS = "Loss/object_center", "Loss/box/scale", "Loss/box/offset"
# Pixels per cell of the maps that are predicted from.
STRIDE = 4
# A cell that lies on an ignore region by this share gives no loss of centres.
_COVERED = 0.5


class StackedBackbone(Backbone, Protocol):
    """A backbone of several networks one after the other, each with a map of its own; the last is its output."""

    def stacks(self, images: tf.Tensor, training: bool = False) -> list[tf.Tensor]:
        """Images [B, H, W, channels_in] -> the map [B, H / 4, W / 4, C] of each network."""
        ...


@dataclass(frozen=True, kw_only=True)
class CenterNetNumbers:
    """The plain numbers of a CenterNet, named as in the OD API's schema.

    object_center_loss_weight: of the loss of centres. task_loss_weight: of both others together.
    min_box_overlap_iou: an IoU that decides how far the surroundings of a centre reach (see `boxes.centers.radius`).
    max_box_predictions: the number of peaks that become detections.
    peak_max_pool_kernel_size: a peak is the highest cell of its class in a square of this side, in cells.
    multiple: what must divide the sides of images.
    """

    num_classes: int
    object_center_loss_weight: float = 1.0
    task_loss_weight: float = 1.0
    offset_loss_weight: float = 1.0
    scale_loss_weight: float = 0.1
    min_box_overlap_iou: float = 0.7
    max_box_predictions: int = 100
    peak_max_pool_kernel_size: int = 3
    multiple: int = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class CenterNet(BuiltDetector):
    """The whole detector; a `Detector`.

    neck: makes one map of those of the backbone; None if the backbone is a `StackedBackbone`, whose maps are all used.
    suppression: None if overlapping detections stay.

    Boxes are [ymin, xmin, ymax, xmax], normalised to the preprocessed image without its padding. Classes count from 0.
    """

    numbers: CenterNetNumbers
    backbone: Backbone
    neck: Neck | None
    heads: CenterHeads
    classification_loss: ClassificationLoss
    localization_loss: LocalizationLoss
    suppression: nms.Settings | None

    @property
    def num_classes(self) -> int:
        """The number of classes."""
        return self.numbers.num_classes

    def class_columns(self) -> dict[str, ClassColumns]:
        """The variables of the heads whose last axis has columns for each class."""
        return self.heads.class_columns()

    def object_graph_keys(self) -> dict[str, str]:
        """The key of every variable in a TF2 checkpoint, by checkpoint name."""
        return self._keys(self.backbone, self.neck, self.heads)

    def feature_maps(self, images: tf.Tensor, training: bool = False, seed: tf.Tensor | None = None) -> list[tf.Tensor]:
        """The maps [B, h, w, C] that are predicted from, of `STRIDE` pixels per cell; detections are from the last.

        Raises UserError if the sides of the images are not multiples of `multiple`.
        """
        height, width = images.shape[1:3]
        if any(side is not None and side % self.numbers.multiple for side in (height, width)):
            raise UserError(
                f"The image resizer makes images of {height}x{width} pixels, but this feature extractor needs sides "
                f"that are multiples of {self.numbers.multiple}: set other sizes in image_resizer."
            )
        if self.neck is None:
            return self.backbone.stacks(images, training)
        return list(self.neck(self.backbone(images, training, seed), training).values())

    def predict(
        self,
        images: tf.Tensor,
        true_shapes: tf.Tensor | None = None,
        training: bool = False,
        seed: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        """Run the network on preprocessed images [B, H, W, c].

        true_shapes: int32 [B, 3], from `preprocess`; None if no image is padded. training: use the batch's statistics
        in batch norm and move its averages.

        Returns, for each map i of h x w cells, object_center_<i> [B, h, w, K] (logits), box/scale_<i> [B, h, w, 2]
        (height and width in cells) and box/offset_<i> [B, h, w, 2] (of the centre from the cell's first corner); and
        true_image_shapes, int32 [B, 3].
        """
        if true_shapes is None:
            true_shapes = tf.tile([tf.shape(images)[1:]], [tf.shape(images)[0], 1])
        maps = self.feature_maps(images, training, seed)
        return {**self.heads(maps, training), "true_image_shapes": true_shapes}

    def targets(self, predictions: dict[str, tf.Tensor], groundtruth: Groundtruth) -> centers.CenterTargets:
        """The targets of the maps."""
        size = _size(predictions)
        return centers.targets(
            groundtruth.boxes * self._true_cells(predictions)[:, tf.newaxis],
            groundtruth.classes,
            groundtruth.weights,
            groundtruth.num_boxes,
            size=size,
            num_classes=self.num_classes,
            min_overlap=self.numbers.min_box_overlap_iou,
        )

    def losses(
        self, predictions: dict[str, tf.Tensor], groundtruth: Groundtruth, seed: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """Weighted and normalised losses, scalars by tag. Nothing is drawn from `seed`.

        If several replicas share the batch, each returns its part, and the loss is their sum.
        """
        numbers, wanted = self.numbers, self.targets(predictions, groundtruth)
        counted = self._counted_cells(predictions, groundtruth, wanted)
        boxes = replicas.total(tf.reduce_sum(tf.cast(wanted.weights > 0, tf.float32)))
        totals = dict.fromkeys((CENTER, SCALE, OFFSET), 0.0)
        maps = 0
        while f"{CENTER}_{maps}" in predictions:
            logits = predictions[f"{CENTER}_{maps}"]
            totals[CENTER] += tf.reduce_sum(
                self.classification_loss(_flat(logits), _flat(wanted.heatmap), _flat(counted))
            )
            for kind, pairs in ((SCALE, wanted.sizes), (OFFSET, wanted.offsets)):
                found = centers.at(predictions[f"{kind}_{maps}"], wanted.cells)
                totals[kind] += tf.reduce_sum(self.localization_loss(found, pairs, wanted.weights))
            maps += 1
        normalizer = maps * tf.maximum(boxes, 1.0)
        return {
            CENTER_LOSS: numbers.object_center_loss_weight * totals[CENTER] / normalizer,
            SCALE_LOSS: numbers.task_loss_weight * numbers.scale_loss_weight * totals[SCALE] / normalizer,
            OFFSET_LOSS: numbers.task_loss_weight * numbers.offset_loss_weight * totals[OFFSET] / normalizer,
        }

    def postprocess(
        self, predictions: dict[str, tf.Tensor], true_shapes: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """Detections from the predictions of the last map, all float32.

        true_shapes: int32 [B, 3], from `preprocess`; None: those given to `predict`.

        Each peak is a detection of its own class. So suppression, which goes by class, sees no score in other classes,
        as in the OD API 2.8.0; earlier ones made a detection in every class of each peak.

        Returns detection_boxes [B, N, 4], detection_scores [B, N], detection_classes [B, N] from 0,
        detection_multiclass_scores [B, N, K] and num_detections [B], best first and zeros after.
        """
        shapes = predictions["true_image_shapes"] if true_shapes is None else true_shapes
        last = max(int(name.rpartition("_")[2]) for name in predictions if name.startswith(f"{CENTER}_"))
        heatmap = tf.sigmoid(predictions[f"{CENTER}_{last}"])
        # As in the OD API, cells are compared with pixels, so peaks in the padding count, unless they are far outside.
        heatmap *= _within(heatmap, shapes[:, :2])
        found = centers.peaks(
            heatmap, most=self.numbers.max_box_predictions, neighbourhood=self.numbers.peak_max_pool_kernel_size
        )
        pairs = (centers.at(predictions[f"{kind}_{last}"], found.cells) for kind in (SCALE, OFFSET))
        limits = tf.cast(tf.stack(_size(predictions)), tf.float32)
        boxes = centers.boxes_at(found.cells, *pairs, limits) * STRIDE
        sides = tf.cast(shapes[:, tf.newaxis, :2], tf.float32)
        boxes = tf.clip_by_value(boxes / tf.concat([sides, sides], axis=-1), 0.0, 1.0)
        scores = centers.at(heatmap, found.cells)
        if self.suppression is None:
            return _detections(boxes, found.scores, found.classes, scores)
        num = tf.reduce_sum(tf.cast(found.scores > 0, tf.int32), axis=1)
        own = tf.where(tf.range(scores.shape[-1]) == found.classes[..., tf.newaxis], scores, 0.0)
        kept = nms.multiclass(
            boxes[:, :, tf.newaxis], own, self.suppression, tf.constant([0.0, 0.0, 1.0, 1.0]), num_valid=num
        )
        return _detections(kept.boxes, kept.scores, kept.classes, tf.gather(scores, kept.anchors, batch_dims=1))

    def _true_cells(self, predictions: dict[str, tf.Tensor]) -> tf.Tensor:
        """float32 [B, 4]: rows, columns, rows, columns of the map that the image without padding reaches over."""
        sides = tf.cast(predictions["true_image_shapes"][:, :2], tf.float32) / STRIDE
        return tf.concat([sides, sides], axis=-1)

    def _counted_cells(
        self, predictions: dict[str, tf.Tensor], groundtruth: Groundtruth, wanted: centers.CenterTargets
    ) -> tf.Tensor:
        """float32 [B, h, w, 1]: 1 where a cell has a loss of centres: in the image, and in no ignore region.

        In such a region the cells with the centre of a box still have one.
        """
        reached = tf.math.ceil(tf.cast(predictions["true_image_shapes"][:, :2], tf.float32) / STRIDE)
        counted = _within(wanted.heatmap, reached)
        if groundtruth.regions is None or groundtruth.regions.shape[1] == 0:
            return counted
        height, width = _size(predictions)
        rows, columns = tf.meshgrid(tf.range(height), tf.range(width), indexing="ij")
        first = tf.cast(tf.reshape(tf.stack([rows, columns], axis=-1), [-1, 2]), tf.float32)
        cells = tf.concat([first, first + 1], axis=-1)
        regions = groundtruth.regions * self._true_cells(predictions)[:, tf.newaxis]
        # Without a region in any image there is no row to take the largest of.
        shares = tf.pad(geometry.ioa(regions, cells), [[0, 0], [0, 1], [0, 0]])
        ignored = tf.reshape(tf.reduce_max(shares, axis=1) >= _COVERED, [-1, height, width, 1])
        centre = tf.reduce_max(wanted.heatmap, axis=-1, keepdims=True) == 1.0
        return tf.where(ignored & ~centre, 0.0, counted)


def _size(predictions: dict[str, tf.Tensor]) -> tuple[tf.Tensor | int, tf.Tensor | int]:
    """Rows and columns of the maps, as numbers where they are known."""
    x = predictions[f"{CENTER}_0"]
    return tuple(tf.shape(x)[axis] if x.shape[axis] is None else x.shape[axis] for axis in (1, 2))


def _flat(maps: tf.Tensor) -> tf.Tensor:
    """[B, h, w, C] as [B, h * w, C]."""
    return tf.reshape(maps, [tf.shape(maps)[0], -1, maps.shape[-1]])


def _within(maps: tf.Tensor, sides: tf.Tensor) -> tf.Tensor:
    """float32 [B, h, w, 1]: 1 in the first rows and columns of maps [B, h, w, C], as many as `sides` [B, 2] says."""
    height, width = tf.shape(maps)[1], tf.shape(maps)[2]
    rows, columns = (
        tf.range(side)[tf.newaxis] < tf.cast(sides[:, axis, tf.newaxis], tf.int32)
        for axis, side in enumerate((height, width))
    )
    return tf.cast(rows[:, :, tf.newaxis, tf.newaxis] & columns[:, tf.newaxis, :, tf.newaxis], tf.float32)


def _detections(boxes: tf.Tensor, scores: tf.Tensor, classes: tf.Tensor, all_scores: tf.Tensor) -> dict[str, tf.Tensor]:
    """Detections by the OD API's names; rows without a score become zeros."""
    real = scores > 0
    return {
        "detection_boxes": tf.where(real[..., tf.newaxis], boxes, 0.0),
        "detection_scores": tf.where(real, scores, 0.0),
        "detection_classes": tf.cast(tf.where(real, classes, 0), tf.float32),
        "detection_multiclass_scores": tf.where(real[..., tf.newaxis], all_scores, 0.0),
        "num_detections": tf.reduce_sum(tf.cast(real, tf.float32), axis=1),
    }
