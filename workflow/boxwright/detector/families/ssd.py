"""SSD, the single shot detector (Liu et al. 2016, https://arxiv.org/abs/1512.02325)."""

from dataclasses import dataclass

import tensorflow as tf

from boxwright.boxes import mining, nms, sampling
from boxwright.boxes import targets as target_assigner
from boxwright.boxes.anchors.generator import AnchorGenerator
from boxwright.boxes.coders.box_coder import BoxCoder
from boxwright.boxes.losses.loss import ClassificationLoss, LocalizationLoss
from boxwright.boxes.matchers.matcher import Matcher
from boxwright.boxes.similarity import Similarity
from boxwright.checkpoints.class_rows import ClassColumns
from boxwright.core.errors import UserError
from boxwright.detector.backbones import Backbone
from boxwright.detector.families.base import BuiltDetector
from boxwright.detector.groundtruth import Groundtruth
from boxwright.detector.heads import BoxHead
from boxwright.detector.necks import Neck
from boxwright.devices import replicas

LOCALIZATION = "Loss/localization_loss"
CLASSIFICATION = "Loss/classification_loss"


@dataclass(frozen=True, kw_only=True)
class SsdNumbers:
    """The plain numbers of an SSD, named as in the OD API's schema.

    num_classes: without the background. add_background_class: whether class predictions have a first column for it.
    encode_background_as_zeros: the targets of anchors without an object are 0 in that column too, so in all columns.
    negative_class_weight: weight of anchors without an object in the classification loss.
    normalize_loss_by_num_matches: losses are divided by the number of anchors with an object.
    normalize_loc_loss_by_codesize: the localisation loss is divided by the numbers in a code.
    localization_weight, classification_weight: of the two losses.
    positive_sample_fraction: only a random sample of the anchors counts, with this share of objects; None: all count.
    pad_to_multiple: images are padded, below and to the right, until this number divides their sides.
    smallest_side: the minimum height and width of images, in pixels.
    """

    num_classes: int
    add_background_class: bool = True
    encode_background_as_zeros: bool = False
    negative_class_weight: float = 1.0
    normalize_loss_by_num_matches: bool = True
    normalize_loc_loss_by_codesize: bool = False
    localization_weight: float = 1.0
    classification_weight: float = 1.0
    positive_sample_fraction: float | None = None
    pad_to_multiple: int = 1
    smallest_side: int = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Ssd(BuiltDetector):
    """The whole detector; a `Detector`.

    neck: None if the head uses the backbone's maps directly.
    miner: chooses the anchors with a high loss; None: all count.

    Boxes are [ymin, xmin, ymax, xmax]. Ground truth and detections are normalised to the preprocessed image without its
    padding; anchors are normalised to the padded image. Classes count from 0.
    """

    numbers: SsdNumbers
    backbone: Backbone
    neck: Neck | None
    head: BoxHead
    anchors: AnchorGenerator
    box_coder: BoxCoder
    matcher: Matcher
    similarity: Similarity
    classification_loss: ClassificationLoss
    localization_loss: LocalizationLoss
    miner: mining.Miner | None
    suppression: nms.Settings
    convert_scores: nms.ScoreConverter

    @property
    def num_classes(self) -> int:
        """The number of classes, without the background."""
        return self.numbers.num_classes

    @property
    def class_slots(self) -> int:
        """Number of columns of the class predictions: the background, if the model has one, then the classes."""
        return self.numbers.num_classes + bool(self.numbers.add_background_class)

    def class_columns(self) -> dict[str, ClassColumns]:
        """The variables of the head whose last axis has columns for each class."""
        return self.head.class_columns()

    def object_graph_keys(self) -> dict[str, str]:
        """The key of every variable in a TF2 checkpoint, by checkpoint name; none for a model of TF1."""
        return self._keys(self.backbone, self.neck, self.head)

    def feature_maps(
        self, images: tf.Tensor, training: bool = False, seed: tf.Tensor | None = None
    ) -> dict[int, tf.Tensor]:
        """The maps [B, h, w, C] that boxes are predicted from, by level, finest first; `seed` as for `predict`.

        Raises UserError if the images are too small for the backbone.
        """
        height, width = images.shape[1:3]
        least, multiple = self.numbers.smallest_side, self.numbers.pad_to_multiple
        if min(side for side in (height or least, width or least)) < least:
            raise UserError(
                f"The image resizer makes images of {height}x{width} pixels, but this feature extractor needs at least "
                f"{least}x{least}: set a larger size in image_resizer."
            )
        if multiple > 1:
            missing = -tf.shape(images)[1:3] % multiple
            images = tf.pad(images, [[0, 0], [0, missing[0]], [0, missing[1]], [0, 0]])
        maps = self.backbone(images, training, seed)
        return maps if self.neck is None else self.neck(maps, training)

    def predict(
        self,
        images: tf.Tensor,
        true_shapes: tf.Tensor | None = None,
        training: bool = False,
        seed: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        """Run the network on preprocessed images [B, h, w, c].

        true_shapes: int32 [B, 3], from `preprocess`; None if no image is padded. training: use the batch's statistics
        in batch norm and move its averages, drop parts by chance (drawn from `seed`, int32 [2]).

        Returns box_encodings [B, A, 4], class_predictions_with_background [B, A, K] (logits; the background's first),
        anchors [A, 4] normalised to the image with its padding, image_size int32 [2] (height, width with padding) and
        windows [B, 4] or [4], the part of the padded image that is not padding.
        """
        maps = self.feature_maps(images, training, seed)
        codes, logits = self.head(maps, training, seed)
        # Of images that differ in size, none is taken as a number: the anchors of one must not depend on the graph.
        image_size = _height_and_width(images) if self.static_size else tuple(tf.unstack(tf.shape(images)[1:3]))
        return {
            "box_encodings": codes,
            "class_predictions_with_background": logits,
            "anchors": self.anchors.generate([_height_and_width(features) for features in maps.values()], image_size),
            "image_size": tf.convert_to_tensor(image_size),
            "windows": _windows(image_size, true_shapes),
        }

    def targets(self, predictions: dict[str, tf.Tensor], groundtruth: Groundtruth) -> target_assigner.Targets:
        """The targets of each anchor."""
        # Ground truth is relative to the image without its padding, anchors are relative to the image with it.
        image_sides = predictions["windows"][..., tf.newaxis, 2:]
        scale = tf.concat([image_sides, image_sides], axis=-1)
        labels = tf.one_hot(groundtruth.classes, self.num_classes)
        if self.class_slots > self.num_classes:
            labels = tf.pad(labels, [[0, 0], [0, 0], [1, 0]])
        first = 0.0 if self.numbers.encode_background_as_zeros else 1.0
        return target_assigner.assign(
            predictions["anchors"],
            groundtruth.boxes * scale,
            labels,
            groundtruth.weights,
            groundtruth.num_boxes,
            matcher=self.matcher,
            box_coder=self.box_coder,
            background=[first] + [0.0] * (self.class_slots - 1),
            similarity=self.similarity,
            negative_class_weight=self.numbers.negative_class_weight,
            regions=None if groundtruth.regions is None else groundtruth.regions * scale,
        )

    def anchor_losses(
        self, predictions: dict[str, tf.Tensor], wanted: target_assigner.Targets
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Localisation loss [B, A] and classification loss [B, A] or [B, A, K] of every anchor, weighted.

        The undefined parts of a box's code (the logarithm of a negative size, where sides are swapped) add no loss.
        """
        codes, code_targets = predictions["box_encodings"], wanted.box_targets
        code_targets = tf.where(tf.math.is_nan(code_targets), codes, code_targets)
        # Unlike the OD API, which compares codes as if they were boxes and so gets a constant or NaN.
        if self.localization_loss.on_boxes:
            codes, code_targets = (self.box_coder.decode(x, predictions["anchors"]) for x in (codes, code_targets))
        return (
            self.localization_loss(codes, code_targets, wanted.box_weights),
            self.classification_loss(
                predictions["class_predictions_with_background"], wanted.class_targets, wanted.class_weights
            ),
        )

    def losses(
        self, predictions: dict[str, tf.Tensor], groundtruth: Groundtruth, seed: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """Weighted and normalised losses, scalars by tag. `seed` (int32 [2]) is only for `random_example_sampler`.

        If several replicas share the batch, each returns its part, and the loss is their sum.
        """
        numbers, wanted = self.numbers, self.targets(predictions, groundtruth)
        if numbers.positive_sample_fraction is not None:
            wanted = self._sampled(wanted, seed)
        localization, classification = self.anchor_losses(predictions, wanted)
        if classification.shape.rank == 3:
            classification = tf.reduce_sum(classification, axis=-1)
        if self.miner is not None:
            boxes = self.box_coder.decode(predictions["box_encodings"], predictions["anchors"])
            mined = mining.mine(self.miner, classification, localization, boxes, wanted.match)
            selected = tf.cast(mined.selected, tf.float32)
            localization, classification = localization * selected, classification * selected

        normalizer = 1.0
        if numbers.normalize_loss_by_num_matches:
            normalizer = tf.maximum(replicas.total(tf.reduce_sum(wanted.box_weights)), 1.0)
        code_size = self.box_coder.code_size if numbers.normalize_loc_loss_by_codesize else 1
        return {
            LOCALIZATION: numbers.localization_weight / (normalizer * code_size) * tf.reduce_sum(localization),
            CLASSIFICATION: numbers.classification_weight / normalizer * tf.reduce_sum(classification),
        }

    def _sampled(self, wanted: target_assigner.Targets, seed: tf.Tensor | None) -> target_assigner.Targets:
        """The targets with the weights of all anchors outside a random sample set to 0."""
        foreground = wanted.class_targets[..., self.class_slots - self.num_classes :]
        sample = sampling.balanced(
            wanted.class_weights != 0,
            tf.reduce_sum(foreground, axis=-1) != 0,
            None,
            self.numbers.positive_sample_fraction,
            tf.zeros([2], tf.int32) if seed is None else seed,
        )
        sample = tf.cast(sample, tf.float32)
        return wanted._replace(class_weights=wanted.class_weights * sample, box_weights=wanted.box_weights * sample)

    def postprocess(
        self, predictions: dict[str, tf.Tensor], true_shapes: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """Detections from predictions, all float32.

        true_shapes: int32 [B, 3], from `preprocess`; None if no image is padded.

        Returns detection_boxes [B, N, 4], detection_scores [B, N], detection_classes [B, N] from 0,
        detection_multiclass_scores [B, N, K] and num_detections [B], best first and zeros after; raw_detection_boxes
        [B, A, 4] and raw_detection_scores [B, A, K] of all anchors; detection_anchor_indices [B, N]. Boxes are
        normalised to the image without padding unless `change_coordinate_frame` is false, raw ones with padding.
        """
        boxes = self.box_coder.decode(predictions["box_encodings"], predictions["anchors"])
        scores = self.convert_scores(predictions["class_predictions_with_background"])
        found = nms.multiclass(
            boxes[:, :, tf.newaxis],
            scores[..., self.class_slots - self.num_classes :],
            self.suppression,
            _windows(predictions["image_size"], true_shapes),
        )
        return {
            "detection_boxes": found.boxes,
            "detection_scores": found.scores,
            "detection_classes": tf.cast(found.classes, tf.float32),
            "detection_multiclass_scores": self._rows(scores, found),
            "detection_anchor_indices": tf.cast(found.anchors, tf.float32),
            "num_detections": tf.cast(found.num, tf.float32),
            "raw_detection_boxes": boxes,
            "raw_detection_scores": scores,
        }

    @staticmethod
    def _rows(scores: tf.Tensor, found: nms.Selected) -> tf.Tensor:
        """The scores [B, N, K] of the anchors that were detected, zeros after the last."""
        rows = tf.gather(scores, found.anchors, batch_dims=1)
        real = tf.sequence_mask(found.num, tf.shape(found.anchors)[1])
        return tf.where(real[..., tf.newaxis], rows, 0.0)


def _windows(image_size: tf.Tensor | tuple, true_shapes: tf.Tensor | None) -> tf.Tensor:
    """The part of each padded image that is not padding, normalised [B, 4], or [4] for all."""
    if true_shapes is None:
        return tf.constant([0.0, 0.0, 1.0, 1.0])
    sides = tf.cast(true_shapes[:, :2], tf.float32) / tf.cast(image_size, tf.float32)
    return tf.concat([tf.zeros_like(sides), sides], axis=1)


def _height_and_width(x: tf.Tensor) -> tuple:
    """Height and width of [B, H, W, C], as numbers where they are known."""
    return tuple(tf.shape(x)[axis] if x.shape[axis] is None else x.shape[axis] for axis in (1, 2))
