"""Faster R-CNN: proposals from a feature map, then a class and a better box for each of them.

Ren et al. 2015, https://arxiv.org/abs/1506.01497, as the OD API's `faster_rcnn` configurations describe it. Inside,
boxes are in pixels of the preprocessed image, [ymin, xmin, ymax, xmax]; detections are normalised to the true image,
without its padding.

Four fields choose how the OD API computes on a TPU and not what: use_matmul_crop_and_resize,
use_matmul_gather_in_matcher, use_static_balanced_label_sampler, use_static_shapes (and its form for evaluation). They
are accepted and need nothing here. Nor does return_raw_detections_during_predict: raw boxes are always among the
detections.
"""

from collections.abc import Iterable

import tensorflow as tf

from boxwright.boxes import geometry, mining, nms
from boxwright.catalog import limits
from boxwright.catalog.engine import CHOICES, ONLY
from boxwright.detector import hyperparams, roi
from boxwright.detector.backbones import resnet_v1
from boxwright.detector.families import faster_rcnn_losses
from boxwright.detector.groundtruth import Groundtruth
from boxwright.detector.heads.mask_rcnn import MaskRcnnBoxPredictor
from boxwright.detector.heads.region_proposals import RegionProposalHead
from boxwright.detector.layers import Variables
from boxwright.detector.support import UnsupportedError, chosen, require
from boxwright.pipeline import parts

FIELD = "model.faster_rcnn"
FIRST_STAGE = "FirstStageFeatureExtractor"
SECOND_STAGE = "SecondStageFeatureExtractor"
DEPTHS = {f"faster_rcnn_resnet{depth}": depth for depth in resnet_v1.UNITS}

Tensors = dict[str, tf.Tensor]


class FasterRcnn:
    """The detector of a `FasterRcnn` message; `seed` decides its variables' first values.

    `compute` is the type that the layers compute in.

    `backbone_scopes` are the prefixes of the names that a feature extractor's checkpoint can fill.
    Raises UnsupportedError for a field or value that is not implemented.
    """

    backbone_scopes = (FIRST_STAGE, SECOND_STAGE)

    def __init__(self, message, seed: int = 0, compute: tf.DType = tf.float32):
        _check(message)
        self.message = message
        self.num_classes = message.num_classes
        self.stages = message.number_of_stages
        self.resizer = parts.make(message.image_resizer)
        self.anchor_generator = parts.make(message.first_stage_anchor_generator)
        self.miner = None
        self._variables = Variables(seed, compute)
        depth = DEPTHS[message.feature_extractor.type]
        settings = resnet_v1.hyperparams(message.feature_extractor.batch_norm_trainable)
        self.proposal_features = resnet_v1.ProposalFeatures(
            self._variables,
            f"{FIRST_STAGE}/resnet_v1_{depth}",
            depth,
            message.feature_extractor.first_stage_features_stride,
            settings,
            channels_in=self.resizer.channels,
        )
        self.head = RegionProposalHead(
            self._variables,
            "FirstStageBoxPredictor",
            resnet_v1.ProposalFeatures.channels,
            self.anchor_generator.per_location[0],
            hyperparams.from_message(
                message.first_stage_box_predictor_conv_hyperparams,
                f"{FIELD}.first_stage_box_predictor_conv_hyperparams",
            ),
            depth=message.first_stage_box_predictor_depth,
            kernel=message.first_stage_box_predictor_kernel_size,
            rate=message.first_stage_atrous_rate,
        )
        if self.stages == 2:
            self._build_second_stage(depth, settings)

    def _build_second_stage(self, depth: int, settings: hyperparams.Hyperparams) -> None:
        message = self.message
        self.pooling = roi.Pooling(message.initial_crop_size, message.maxpool_kernel_size, message.maxpool_stride)
        self.box_features = resnet_v1.BoxFeatures(self._variables, f"{SECOND_STAGE}/resnet_v1_{depth}", depth, settings)
        self.box_predictor = MaskRcnnBoxPredictor(
            self._variables,
            "SecondStageBoxPredictor",
            resnet_v1.BoxFeatures.channels,
            self.num_classes,
            message.second_stage_box_predictor.mask_rcnn_box_predictor,
            f"{FIELD}.second_stage_box_predictor.mask_rcnn_box_predictor",
        )
        self.classification_loss = parts.make(message.second_stage_classification_loss, default="weighted_softmax")
        self.suppression = parts.fill(nms.Settings, message.second_stage_post_processing.batch_non_max_suppression)
        # The OD API asks for it here, whatever the field says.
        self.suppression = self.suppression._replace(change_coordinate_frame=True)
        self.convert_scores = parts.fill(nms.score_converter, message.second_stage_post_processing)
        if message.HasField("hard_example_miner"):
            self.miner = parts.fill(
                mining.make,
                message.hard_example_miner,
                classification_weight=message.second_stage_classification_loss_weight,
                localization_weight=message.second_stage_localization_loss_weight,
            )

    @property
    def variables(self) -> dict[str, tf.Variable]:
        """Every variable by its checkpoint name."""
        return self._variables.by_name

    @property
    def trainable(self) -> list[str]:
        """Names of the variables that gradients reach."""
        return self._variables.trainable

    def regularization_loss(self) -> tf.Tensor:
        """The sum of all penalties on weights, float32 scalar."""
        return self._variables.regularization_loss()

    def preprocess(self, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """[H, W, 3] RGB from 0 to 255 -> float32 [h, w, channels], resized and padded, and its true shape, int32 [3].

        The means are subtracted after padding, so that padding is minus the mean.
        """
        resized, true_shape = self.resizer.resize(image)
        return resnet_v1.subtract_means(resized), true_shape

    def predict(
        self, images: tf.Tensor, true_shapes: tf.Tensor, training: bool = False, seed: tf.Tensor | None = None
    ) -> Tensors:
        """What the network says about a preprocessed batch, before any suppression of detections.

        images: float32 [B, h, w, channels]; true_shapes: int32 [B, 3]; seed: int32 [2], for dropout.

        Returns the OD API's names. First stage: rpn_features_to_crop [B, h', w', 1024], anchors [A, 4] (in training
        those within the image, where there are any, otherwise all, clipped to it), rpn_box_encodings [B, A, 4],
        rpn_objectness_predictions_with_background [B, A, 2], image_shape [4], true_image_shapes [B, 3].
        Second stage: proposal_boxes [B, P, 4], num_proposals [B], and of each proposal what `classify` returns. In
        training, only a sample that depends on the ground truth is classified: `losses` does it, or `classify_sample`.
        """
        predictions = self._predict_first_stage(images, true_shapes, training)
        if self.stages == 1:
            return predictions
        found = self._propose(predictions)
        proposals = {"proposal_boxes": tf.stop_gradient(found.boxes), "num_proposals": found.num}
        if training and self.miner is None:
            return predictions | proposals
        return predictions | proposals | self.classify(predictions, found.boxes, training, seed)

    def _predict_first_stage(self, images: tf.Tensor, true_shapes: tf.Tensor, training: bool) -> Tensors:
        features = self.proposal_features(images, training)
        encodings, objectness = self.head(features, training)
        shape, cells = tf.shape(images), tf.shape(features)
        boxes = self.anchor_generator.generate([(cells[1], cells[2])], (shape[1], shape[2]))
        window = tf.cast(tf.stack([0, 0, shape[1], shape[2]]), tf.float32)
        if training and not self.message.clip_anchors_to_image:
            inside = geometry.inside_window(boxes, window)
            # An image too small for any of them is learned from all.
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

    def _propose(self, predictions: Tensors) -> nms.Selected:
        """The best of the first stage's boxes, clipped to the true images; no gradient flows through them."""
        boxes = faster_rcnn_losses.BOX_CODER.decode(predictions["rpn_box_encodings"], predictions["anchors"])
        scores = tf.nn.softmax(predictions["rpn_objectness_predictions_with_background"])
        return nms.proposals(
            tf.stop_gradient(boxes),
            tf.stop_gradient(scores[..., 1]),
            max_proposals=self.message.first_stage_max_proposals,
            iou_threshold=self.message.first_stage_nms_iou_threshold,
            score_threshold=self.message.first_stage_nms_score_threshold,
            windows=_windows(predictions["true_image_shapes"]),
        )

    def classify(
        self, predictions: Tensors, proposals: tf.Tensor, training: bool = False, seed: tf.Tensor | None = None
    ) -> Tensors:
        """The second stage on proposals [B, P, 4], in pixels; zero padding runs along as boxes without area.

        Returns proposal_boxes_normalized [B, P, 4] (by the padded image), refined_box_encodings [B * P, K, 4] with K
        classes or 1, class_predictions_with_background [B * P, 1 + classes], proposal_boxes and, [B * P, s, s, 2048],
        box_classifier_features.
        """
        shape = predictions["image_shape"]
        normalized = tf.stop_gradient(geometry.to_normalized(proposals, shape[1], shape[2]))
        regions = roi.pool(predictions["rpn_features_to_crop"], normalized, self.pooling)
        features = self.box_features(regions, training)
        encodings, logits = self.box_predictor(features, training, seed)
        return {
            "proposal_boxes": geometry.to_absolute(normalized, shape[1], shape[2]),
            "proposal_boxes_normalized": normalized,
            "refined_box_encodings": encodings,
            "class_predictions_with_background": logits,
            "box_classifier_features": features,
        }

    def classify_sample(self, predictions: Tensors, groundtruth: Groundtruth, seed: tf.Tensor) -> Tensors:
        """`predictions` of training with the second stage on a balanced sample of their proposals.

        The sample has `second_stage_batch_size` proposals per image, padded with zeros; `seed` is int32 [2].
        """
        sample_seed, dropout_seed = tf.unstack(tf.random.split(seed))
        truth = _in_pixels(groundtruth, predictions)
        boxes, count = predictions["proposal_boxes"], predictions["num_proposals"]
        target = faster_rcnn_losses.assign_proposals(boxes, truth, self.num_classes)
        boxes, count = roi.sample(
            boxes,
            candidates=tf.sequence_mask(count, tf.shape(boxes)[1]) & (target.class_weights > 0),
            positives=tf.argmax(target.class_targets, axis=-1) > 0,
            size=self.message.second_stage_batch_size,
            positive_fraction=self.message.second_stage_balance_fraction,
            seed=sample_seed,
        )
        return predictions | {"num_proposals": count} | self.classify(predictions, boxes, True, dropout_seed)

    def losses(self, predictions: Tensors, groundtruth: Groundtruth, seed: tf.Tensor | None = None) -> Tensors:
        """The weighted loss terms, float32 scalars by the OD API's tags; `seed`, int32 [2], draws the samples."""
        seed = tf.zeros([2], tf.int32) if seed is None else seed
        anchor_seed, proposal_seed = tf.unstack(tf.random.split(seed))
        message, truth = self.message, _in_pixels(groundtruth, predictions)
        localization, objectness = faster_rcnn_losses.region_proposal_losses(
            predictions["rpn_box_encodings"],
            predictions["rpn_objectness_predictions_with_background"],
            faster_rcnn_losses.assign_anchors(predictions["anchors"], truth),
            message.first_stage_minibatch_size,
            message.first_stage_positive_balance_fraction,
            anchor_seed,
        )
        terms = {
            "Loss/RPNLoss/localization_loss": message.first_stage_localization_loss_weight * localization,
            "Loss/RPNLoss/objectness_loss": message.first_stage_objectness_loss_weight * objectness,
        }
        if self.stages == 1:
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
            faster_rcnn_losses.assign_proposals(boxes, truth, self.num_classes),
            self.classification_loss,
            self.miner,
        )
        return terms | {
            "Loss/BoxClassifierLoss/localization_loss": message.second_stage_localization_loss_weight * localization,
            "Loss/BoxClassifierLoss/classification_loss": message.second_stage_classification_loss_weight
            * classification,
        }

    def postprocess(self, predictions: Tensors, true_shapes: tf.Tensor) -> Tensors:
        """Detections by the OD API's names, float32 except `detection_anchor_indices` (int32), best first, zero-padded.

        detection_boxes [B, N, 4], detection_scores [B, N], detection_classes [B, N] from 0,
        detection_multiclass_scores [B, N, 1 + classes], detection_anchor_indices [B, N], num_detections [B],
        raw_detection_boxes [B, P, 4], raw_detection_scores [B, P, 1 + classes].
        With one stage these are the proposals: normalised to the padded image, all of class 0.
        """
        if self.stages == 1:
            return self._postprocess_proposals(predictions, true_shapes)
        encodings, logits = self._by_image(predictions)
        boxes = faster_rcnn_losses.BOX_CODER.decode(encodings, predictions["proposal_boxes"][:, :, None])
        scores = self.convert_scores(logits)
        windows = _windows(true_shapes)
        found = nms.multiclass(boxes, scores[..., 1:], self.suppression, windows, predictions["num_proposals"])
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
        raw = faster_rcnn_losses.BOX_CODER.decode(predictions["rpn_box_encodings"], predictions["anchors"])
        scores = tf.nn.softmax(predictions["rpn_objectness_predictions_with_background"])
        boxes, raw = (geometry.to_normalized(each, shape[1], shape[2]) for each in (found.boxes, raw))
        return _detections(found, boxes, raw, scores)

    def _by_image(self, predictions: Tensors) -> tuple[tf.Tensor, tf.Tensor]:
        """Encodings [B, P, K, 4] and logits [B, P, 1 + classes] of the second stage, which counts proposals as one."""
        batch, count = tf.unstack(tf.shape(predictions["proposal_boxes"])[:2])
        encodings = predictions["refined_box_encodings"]
        return (
            tf.reshape(encodings, [batch, count, *encodings.shape[1:]]),
            tf.reshape(predictions["class_predictions_with_background"], [batch, count, self.num_classes + 1]),
        )


def _check(message) -> None:
    """Refuse what is not implemented."""
    require(message, FIELD, ONLY["faster_rcnn"])
    extractor = message.feature_extractor
    _one_of("feature_extractor.type", extractor.type, DEPTHS)
    require(extractor, f"{FIELD}.feature_extractor", ONLY["faster_rcnn.feature_extractor"])
    _one_of("number_of_stages", message.number_of_stages, (1, 2))
    chosen(
        message.first_stage_anchor_generator,
        "anchor_generator_oneof",
        f"{FIELD}.first_stage_anchor_generator",
        ("grid_anchor_generator",),
    )
    if message.number_of_stages == 2:
        predictor = message.second_stage_box_predictor
        chosen(predictor, "box_predictor_oneof", f"{FIELD}.second_stage_box_predictor", ("mask_rcnn_box_predictor",))
        place = "second_stage_post_processing"
        require(message.second_stage_post_processing, f"{FIELD}.{place}", ONLY[f"faster_rcnn.{place}"])
        loss = "second_stage_classification_loss"
        kind = message.second_stage_classification_loss.WhichOneof("classification_loss")
        _one_of(loss, kind, CHOICES[f"faster_rcnn.{loss}"])
    limits.require(message, FIELD)


def _one_of(name: str, value: object, supported: Iterable) -> None:
    if value not in supported:
        raise UnsupportedError(f"{FIELD}.{name}", value, ", ".join(map(str, supported)))


def _windows(true_shapes: tf.Tensor) -> tf.Tensor:
    """The true extent of each image in pixels, [B, 4]."""
    sides = tf.cast(true_shapes[:, :2], tf.float32)
    return tf.concat([tf.zeros_like(sides), sides], axis=1)


def _in_pixels(groundtruth: Groundtruth, predictions: Tensors) -> Groundtruth:
    """Ground truth with boxes in pixels of the preprocessed images."""
    sides = tf.cast(predictions["true_image_shapes"], tf.float32)
    boxes = geometry.to_absolute(groundtruth.boxes, sides[:, 0:1], sides[:, 1:2])
    return groundtruth._replace(boxes=boxes)


def _detections(found: nms.Selected, boxes: tf.Tensor, raw_boxes: tf.Tensor, raw_scores: tf.Tensor) -> Tensors:
    """Detections by the OD API's names; `raw_*` are of all boxes that suppression chose `found` from."""
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
