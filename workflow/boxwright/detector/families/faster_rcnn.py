"""Faster R-CNN: proposals from a feature map, then a class and a better box for each of them.

Ren et al. 2015, https://arxiv.org/abs/1506.01497, as the OD API's `faster_rcnn` configurations describe it. R-FCN (Dai
et al. 2016, https://arxiv.org/abs/1605.06409) differs only in the second stage, which processes the map as a whole.
Inside, boxes are in pixels of the preprocessed image, [ymin, xmin, ymax, xmax]; detections are normalised to the true
image, without its padding.
"""

from dataclasses import dataclass

import tensorflow as tf

from boxwright.boxes import geometry, mining, nms, sampling, targets
from boxwright.boxes.anchors.generator import AnchorGenerator
from boxwright.boxes.coders.box_coder import BoxCoder
from boxwright.boxes.losses.loss import ClassificationLoss, LocalizationLoss
from boxwright.boxes.matchers.matcher import Matcher
from boxwright.boxes.targets import Targets
from boxwright.checkpoints.class_rows import ClassColumns
from boxwright.detector import roi
from boxwright.detector.backbones import Backbone, BoxFeatures
from boxwright.detector.families import faster_rcnn_losses
from boxwright.detector.families.base import BuiltDetector
from boxwright.detector.groundtruth import Groundtruth
from boxwright.detector.heads import PositionSensitiveClassifier, ProposalClassifier, ProposalHead

Tensors = dict[str, tf.Tensor]


@dataclass(frozen=True, kw_only=True)
class FasterRcnnNumbers:
    """The plain numbers of a Faster R-CNN, named as in the OD API's schema.

    num_classes: without the background. first_stage_nms_*, first_stage_max_proposals: which boxes become proposals.
    first_stage_minibatch_size, first_stage_positive_balance_fraction: how many anchors of an image the first stage is
        trained on, and the share of objects among them.
    clip_anchors_to_image: in training, whether anchors are clipped to the image; if not, only those within it train.
    second_stage_batch_size, second_stage_balance_fraction: the same for the proposals of the second stage.
    use_static_shapes: in training, whether boxes outside the image stand in for missing proposals; only a sample that
        always has its full size sees them.
    use_static_balanced_label_sampler: with `use_static_shapes`, whether both samples always have their full size, with
        ignored anchors and proposals where the others are too few.
    *_loss_weight: of the four losses.
    """

    num_classes: int
    clip_anchors_to_image: bool = False
    first_stage_max_proposals: int = 300
    first_stage_nms_iou_threshold: float = 0.7
    first_stage_nms_score_threshold: float = 0.0
    first_stage_minibatch_size: int = 256
    first_stage_positive_balance_fraction: float = 0.5
    first_stage_localization_loss_weight: float = 1.0
    first_stage_objectness_loss_weight: float = 1.0
    second_stage_batch_size: int = 64
    second_stage_balance_fraction: float = 0.25
    use_static_balanced_label_sampler: bool = False
    use_static_shapes: bool = False
    second_stage_localization_loss_weight: float = 1.0
    second_stage_classification_loss_weight: float = 1.0

    @property
    def full_samples(self) -> bool:
        """Whether samples always have their full size."""
        return self.use_static_balanced_label_sampler and self.use_static_shapes


@dataclass(frozen=True, kw_only=True, eq=False)
class SecondStage:
    """The second stage: it classifies each proposal, and makes detections from the result.

    pooling: how features are cut out for a proposal; None: the features are those of the whole map, and the head looks
        for the proposals in them. matcher: of proposals and ground truth.
    miner: chooses the proposals with a high loss among all; None: training uses a random sample.
    """

    pooling: roi.Pooling | None
    features: BoxFeatures
    head: ProposalClassifier | PositionSensitiveClassifier
    matcher: Matcher
    classification_loss: ClassificationLoss
    miner: mining.Miner | None
    suppression: nms.Settings
    convert_scores: nms.ScoreConverter


@dataclass(frozen=True, kw_only=True, eq=False)
class FasterRcnn(BuiltDetector):
    """The whole detector; a `Detector`.

    backbone: makes the one map that proposals are predicted from and features are cut out of.
    anchors: on that map, in pixels. matcher: of anchors and ground truth. box_coder, localization_loss: of both stages.
    second: None where proposals are the detections.
    """

    numbers: FasterRcnnNumbers
    backbone: Backbone
    anchors: AnchorGenerator
    head: ProposalHead
    matcher: Matcher
    box_coder: BoxCoder
    localization_loss: LocalizationLoss
    second: SecondStage | None

    @property
    def num_classes(self) -> int:
        """The number of classes, without the background."""
        return self.numbers.num_classes

    @property
    def stages(self) -> int:
        """1 where proposals are the detections, else 2."""
        return 1 if self.second is None else 2

    def class_columns(self) -> dict[str, ClassColumns]:
        """The variables of the second stage whose last axis has columns for each class."""
        return {} if self.second is None else self.second.head.class_columns()

    def object_graph_keys(self) -> dict[str, str]:
        """The key of every variable in a TF2 checkpoint, by checkpoint name; none for a model of TF1."""
        second = [] if self.second is None else [self.second.features, self.second.head]
        return self._keys(self.backbone, self.head, *second)

    def predict(
        self, images: tf.Tensor, true_shapes: tf.Tensor, training: bool = False, seed: tf.Tensor | None = None
    ) -> Tensors:
        """The network's predictions for a preprocessed batch, before detections are suppressed.

        images: float32 [B, h, w, channels]; true_shapes: int32 [B, 3]; seed: int32 [2], for dropout.

        Returns tensors under the OD API's names. First stage: rpn_features_to_crop [B, h', w', C], anchors [A, 4] (all,
        clipped to the image; in training without `clip_anchors_to_image` those within the image, or all unclipped if
        there are none), rpn_box_encodings [B, A, 4], rpn_objectness_predictions_with_background [B, A, 2],
        image_shape [4], true_image_shapes [B, 3].
        Second stage: proposal_boxes [B, P, 4], num_proposals [B], and what `classify` returns for the proposals. In
        training without a miner, only a sample that depends on the ground truth is classified, by `losses` or
        `classify_sample`.
        """
        predictions = self._predict_first_stage(images, true_shapes, training)
        if self.second is None:
            return predictions
        found = self._propose(predictions, training)
        proposals = {"proposal_boxes": tf.stop_gradient(found.boxes), "num_proposals": found.num}
        if training and self.second.miner is None:
            return predictions | proposals
        return predictions | proposals | self.classify(predictions, found.boxes, training, seed)

    def _predict_first_stage(self, images: tf.Tensor, true_shapes: tf.Tensor, training: bool) -> Tensors:
        (features,) = self.backbone(images, training).values()
        encodings, objectness = self.head(features, training)
        shape, cells = tf.shape(images), tf.shape(features)
        boxes = self.anchors.generate([(cells[1], cells[2])], (shape[1], shape[2]))
        window = tf.cast(tf.stack([0, 0, shape[1], shape[2]]), tf.float32)
        if training and not self.numbers.clip_anchors_to_image:
            inside = geometry.inside_window(boxes, window)
            # If the image is too small to contain any anchor, all are used.
            inside = tf.where(inside | ~tf.reduce_any(inside))[:, 0]
            boxes = tf.gather(boxes, inside)
            encodings, objectness = tf.gather(encodings, inside, axis=1), tf.gather(objectness, inside, axis=1)
        else:
            boxes = geometry.clip_to_window(boxes, window)
        return {
            "rpn_features_to_crop": features,
            "rpn_box_encodings": encodings,
            "rpn_objectness_predictions_with_background": objectness,
            "anchors": boxes,
            "image_shape": shape,
            "true_image_shapes": true_shapes,
        }

    def _propose(self, predictions: Tensors, training: bool = False) -> nms.Selected:
        """The best of the first stage's boxes, clipped to the true images; no gradient flows through them."""
        boxes = self.box_coder.decode(predictions["rpn_box_encodings"], predictions["anchors"])
        scores = tf.nn.softmax(predictions["rpn_objectness_predictions_with_background"])
        return nms.proposals(
            tf.stop_gradient(boxes),
            tf.stop_gradient(scores[..., 1]),
            max_proposals=self.numbers.first_stage_max_proposals,
            iou_threshold=self.numbers.first_stage_nms_iou_threshold,
            score_threshold=self.numbers.first_stage_nms_score_threshold,
            windows=_windows(predictions["true_image_shapes"]),
            fill_with_dropped=training and self.numbers.use_static_shapes,
        )

    def classify(
        self, predictions: Tensors, proposals: tf.Tensor, training: bool = False, seed: tf.Tensor | None = None
    ) -> Tensors:
        """The second stage on proposals [B, P, 4], in pixels; zero padding is processed as boxes without area.

        Returns proposal_boxes_normalized [B, P, 4] (by the padded image), refined_box_encodings [B * P, K, 4] with K
        classes or 1, class_predictions_with_background [B * P, 1 + classes], proposal_boxes and box_classifier_features
        [B * P, s, s, C], or of the whole map [B, h, w, C].
        """
        shape, second = predictions["image_shape"], self.second
        normalized = tf.stop_gradient(geometry.to_normalized(proposals, shape[1], shape[2]))
        features = predictions["rpn_features_to_crop"]
        if second.pooling is None:
            features = second.features(features, training)
            encodings, logits = second.head(features, normalized, training)
        else:
            features = second.features(roi.pool(features, normalized, second.pooling), training)
            encodings, logits = second.head(features, training, seed)
        return {
            "proposal_boxes": geometry.to_absolute(normalized, shape[1], shape[2]),
            "proposal_boxes_normalized": normalized,
            "refined_box_encodings": encodings,
            "class_predictions_with_background": logits,
            "box_classifier_features": features,
        }

    def classify_sample(self, predictions: Tensors, groundtruth: Groundtruth, seed: tf.Tensor) -> Tensors:
        """Training `predictions` with those of the second stage for a balanced sample of the proposals.

        The sample has `second_stage_batch_size` proposals per image, padded with zeros; `seed` is int32 [2].
        """
        sample_seed, dropout_seed = tf.unstack(tf.random.split(seed))
        truth = _in_pixels(groundtruth, predictions)
        boxes, count = predictions["proposal_boxes"], predictions["num_proposals"]
        target = self.proposal_targets(boxes, truth)
        candidates = tf.sequence_mask(count, tf.shape(boxes)[1]) & (target.class_weights > 0)
        if self.numbers.full_samples:
            candidates = sampling.topped_up(candidates, self.numbers.second_stage_batch_size)
        boxes, count = roi.sample(
            boxes,
            candidates=candidates,
            positives=tf.argmax(target.class_targets, axis=-1) > 0,
            size=self.numbers.second_stage_batch_size,
            positive_fraction=self.numbers.second_stage_balance_fraction,
            seed=sample_seed,
        )
        return predictions | {"num_proposals": count} | self.classify(predictions, boxes, True, dropout_seed)

    def anchor_targets(self, anchors: tf.Tensor, truth: Groundtruth) -> Targets:
        """The targets of the anchors [A, 4]: one class column, 1 for object. All boxes are in pixels."""
        objects = tf.ones([*tf.unstack(tf.shape(truth.weights)), 1])
        return targets.assign(
            anchors,
            truth.boxes,
            objects,
            truth.weights,
            truth.num_boxes,
            matcher=self.matcher,
            box_coder=self.box_coder,
            background=[0.0],
            regions=truth.regions,
        )

    def proposal_targets(self, proposals: tf.Tensor, truth: Groundtruth) -> Targets:
        """The targets of the proposals [B, P, 4]: one column per class after background. All boxes are in pixels."""
        return targets.assign(
            proposals,
            truth.boxes,
            tf.one_hot(truth.classes + 1, self.num_classes + 1),
            truth.weights,
            truth.num_boxes,
            matcher=self.second.matcher,
            box_coder=self.box_coder,
            background=tf.one_hot(0, self.num_classes + 1),
            regions=truth.regions,
        )

    def losses(self, predictions: Tensors, groundtruth: Groundtruth, seed: tf.Tensor | None = None) -> Tensors:
        """The weighted loss terms, float32 scalars by the OD API's tags; `seed`, int32 [2], draws the samples."""
        seed = tf.zeros([2], tf.int32) if seed is None else seed
        anchor_seed, proposal_seed = tf.unstack(tf.random.split(seed))
        numbers, truth = self.numbers, _in_pixels(groundtruth, predictions)
        localization, objectness = faster_rcnn_losses.region_proposal_losses(
            predictions["rpn_box_encodings"],
            predictions["rpn_objectness_predictions_with_background"],
            self.anchor_targets(predictions["anchors"], truth),
            self.localization_loss,
            numbers.first_stage_minibatch_size,
            numbers.first_stage_positive_balance_fraction,
            numbers.full_samples,
            anchor_seed,
        )
        terms = {
            "Loss/RPNLoss/localization_loss": numbers.first_stage_localization_loss_weight * localization,
            "Loss/RPNLoss/objectness_loss": numbers.first_stage_objectness_loss_weight * objectness,
        }
        if self.second is None:
            return terms
        if "refined_box_encodings" not in predictions:
            predictions = self.classify_sample(predictions, groundtruth, proposal_seed)
        encodings, logits = self._by_image(predictions)
        boxes, count = predictions["proposal_boxes"], predictions["num_proposals"]
        localization, classification = faster_rcnn_losses.box_classifier_losses(
            encodings,
            logits,
            boxes,
            count,
            self.proposal_targets(boxes, truth),
            self.localization_loss,
            self.second.classification_loss,
            self.second.miner,
        )
        return terms | {
            "Loss/BoxClassifierLoss/localization_loss": numbers.second_stage_localization_loss_weight * localization,
            "Loss/BoxClassifierLoss/classification_loss": numbers.second_stage_classification_loss_weight
            * classification,
        }

    def postprocess(self, predictions: Tensors, true_shapes: tf.Tensor) -> Tensors:
        """Detections by the OD API's names, float32 except `detection_anchor_indices` (int32), best first, zero-padded.

        detection_boxes [B, N, 4], detection_scores [B, N], detection_classes [B, N] from 0,
        detection_multiclass_scores [B, N, 1 + classes], detection_anchor_indices [B, N], num_detections [B],
        raw_detection_boxes [B, P, 4], raw_detection_scores [B, P, 1 + classes].
        With one stage these are the proposals: normalised to the padded image, all of class 0.
        """
        if self.second is None:
            return self._postprocess_proposals(predictions, true_shapes)
        encodings, logits = self._by_image(predictions)
        boxes = self.box_coder.decode(encodings, predictions["proposal_boxes"][:, :, None])
        scores = self.second.convert_scores(logits)
        windows = _windows(true_shapes)
        found = nms.multiclass(boxes, scores[..., 1:], self.second.suppression, windows, predictions["num_proposals"])
        if boxes.shape[2] > 1:
            best = tf.argmax(logits[..., 1:], axis=-1, output_type=tf.int32)
            raw = tf.gather(boxes, best, batch_dims=2)
        else:
            raw = boxes[:, :, 0]
        raw = geometry.to_normalized(raw, windows[:, 2:3], windows[:, 3:4])
        raw = geometry.clip_to_window(raw, tf.constant([0.0, 0.0, 1.0, 1.0]))
        return _detections(found, found.boxes, raw, scores)

    def _postprocess_proposals(self, predictions: Tensors, true_shapes: tf.Tensor) -> Tensors:
        found = self._propose(predictions | {"true_image_shapes": true_shapes})
        shape = predictions["image_shape"]
        raw = self.box_coder.decode(predictions["rpn_box_encodings"], predictions["anchors"])
        scores = tf.nn.softmax(predictions["rpn_objectness_predictions_with_background"])
        boxes, raw = (geometry.to_normalized(each, shape[1], shape[2]) for each in (found.boxes, raw))
        return _detections(found, boxes, raw, scores)

    def _by_image(self, predictions: Tensors) -> tuple[tf.Tensor, tf.Tensor]:
        """Second-stage encodings [B, P, K, 4] and logits [B, P, 1 + classes], from one flat list of proposals."""
        batch, count = tf.unstack(tf.shape(predictions["proposal_boxes"])[:2])
        encodings = predictions["refined_box_encodings"]
        return (
            tf.reshape(encodings, [batch, count, *encodings.shape[1:]]),
            tf.reshape(predictions["class_predictions_with_background"], [batch, count, self.num_classes + 1]),
        )


def _windows(true_shapes: tf.Tensor) -> tf.Tensor:
    """The true extent of each image in pixels, [B, 4]."""
    sides = tf.cast(true_shapes[:, :2], tf.float32)
    return tf.concat([tf.zeros_like(sides), sides], axis=1)


def _in_pixels(groundtruth: Groundtruth, predictions: Tensors) -> Groundtruth:
    """Ground truth with boxes and regions in pixels of the preprocessed images."""
    sides = tf.cast(predictions["true_image_shapes"], tf.float32)

    def in_pixels(boxes: tf.Tensor) -> tf.Tensor:
        return geometry.to_absolute(boxes, sides[:, 0:1], sides[:, 1:2])

    regions = None if groundtruth.regions is None else in_pixels(groundtruth.regions)
    return groundtruth._replace(boxes=in_pixels(groundtruth.boxes), regions=regions)


def _detections(found: nms.Selected, boxes: tf.Tensor, raw_boxes: tf.Tensor, raw_scores: tf.Tensor) -> Tensors:
    """Detections by the OD API's names; `raw_*` hold all boxes that suppression chose `found` from."""
    real = tf.sequence_mask(found.num, found.scores.shape[1])[..., None]
    return {
        "detection_boxes": boxes,
        "detection_scores": found.scores,
        "detection_classes": tf.cast(found.classes, tf.float32),
        "detection_multiclass_scores": tf.where(real, tf.gather(raw_scores, found.anchors, batch_dims=1), 0.0),
        "detection_anchor_indices": found.anchors,
        "num_detections": tf.cast(found.num, tf.float32),
        "raw_detection_boxes": raw_boxes,
        "raw_detection_scores": raw_scores,
    }
