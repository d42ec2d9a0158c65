"""SSD, the single shot detector (Liu et al. 2016, https://arxiv.org/abs/1512.02325), built from an `Ssd` message."""

import tensorflow as tf

from boxwright.boxes import mining, nms, sampling, similarity
from boxwright.boxes import targets as target_assigner
from boxwright.catalog import limits
from boxwright.catalog.engine import ONLY
from boxwright.detector.build import object_graph
from boxwright.detector.build.extractors import SCOPE, SsdFeatureExtractor
from boxwright.detector.groundtruth import Groundtruth
from boxwright.detector.heads.convolutional import BOX_CODE_SIZE, ConvolutionalBoxPredictor
from boxwright.detector.layers import Variables
from boxwright.detector.support import UnsupportedError, chosen, require
from boxwright.devices import replicas
from boxwright.pipeline import parts

LOCALIZATION = "Loss/localization_loss"
CLASSIFICATION = "Loss/classification_loss"

# Fields that change nothing here and may have any value: `inplace_batchnorm_update` (averages always move within the
# step), `implicit_example_weight` (without confidences as targets), `return_raw_detections_during_predict` (raw boxes
# are always among the detections), `loss.min_num_negative_samples` and `loss.desired_negative_sampling_ratio` (without
# expected loss weights), `anchorwise_output` of every loss (deprecated), `use_matmul_gather` of the matcher.


class Ssd:
    """The whole detector.

    model: an `Ssd` message; `field` its dotted path, for errors. seed: decides the first values of all variables.
    compute: the type that the layers compute in.

    `variables` holds every variable by checkpoint name, `trainable` the names that gradients reach. Boxes are
    [ymin, xmin, ymax, xmax], normalised to the preprocessed image without its padding in what comes in (ground truth)
    and, for detections, goes out; anchors are normalised to the padded image. Classes count from 0.
    """

    backbone_scopes = (SCOPE,)

    def __init__(self, model, seed: int = 0, compute: tf.DType = tf.float32, field: str = "model.ssd"):
        require(model, field, ONLY["ssd"])
        require(model.post_processing, f"{field}.post_processing", ONLY["ssd.post_processing"])
        require(model.loss, f"{field}.loss", ONLY["ssd.loss"])
        limits.require(model, field)
        self.model = model
        self.num_classes = model.num_classes
        self.class_slots = model.num_classes + bool(model.add_background_class)
        known = tuple(parts.available(model.image_resizer))
        chosen(model.image_resizer, "image_resizer_oneof", f"{field}.image_resizer", known)
        self.resizer = parts.make(model.image_resizer)
        self._build_network(field, Variables(seed, compute))
        self.box_coder = parts.make(model.box_coder)
        self.matcher = parts.make(model.matcher)
        calculator = model.similarity_calculator
        name = chosen(calculator, "region_similarity", f"{field}.similarity_calculator", tuple(similarity.FUNCTIONS))
        self.similarity = similarity.make(name, **parts.numbers(getattr(calculator, name)))
        self._build_losses(model.loss)
        self.nms = parts.fill(nms.Settings, model.post_processing.batch_non_max_suppression)
        self.convert_scores = parts.fill(nms.score_converter, model.post_processing)

    def _build_network(self, field: str, registry: Variables) -> None:
        model = self.model
        self.extractor = SsdFeatureExtractor(
            registry,
            model.feature_extractor,
            f"{field}.feature_extractor",
            channels_in=self.resizer.channels,
            freeze_batchnorm=model.freeze_batchnorm,
        )
        kind = chosen(
            model.box_predictor, "box_predictor_oneof", f"{field}.box_predictor", ("convolutional_box_predictor",)
        )
        self.anchor_generator = parts.make(model.anchor_generator)
        per_location = self.anchor_generator.per_location
        if len(per_location) != len(self.extractor.channels):
            raise UnsupportedError(
                f"{field}.anchor_generator",
                f"for {len(per_location)} layers",
                f"as many as the feature extractor gives, which are {len(self.extractor.channels)}",
            )
        self.predictor = ConvolutionalBoxPredictor(
            registry,
            getattr(model.box_predictor, kind),
            f"{field}.box_predictor.{kind}",
            self.extractor.channels,
            per_location,
            self.class_slots,
            keras=self.extractor.kind.keras,
            freeze_batchnorm=model.freeze_batchnorm,
        )
        self.registry = registry
        self.variables, self.trainable = registry.by_name, registry.trainable

    def _build_losses(self, loss) -> None:
        self.classification_loss = parts.make(loss.classification_loss)
        self.localization_loss = parts.make(loss.localization_loss)
        self.miner = None
        if loss.HasField("hard_example_miner"):
            self.miner = parts.fill(
                mining.make,
                loss.hard_example_miner,
                classification_weight=loss.classification_weight,
                localization_weight=loss.localization_weight,
            )
        self.sampled_fraction = None
        if loss.HasField("random_example_sampler"):
            self.sampled_fraction = loss.random_example_sampler.positive_sample_fraction
        first = 0.0 if self.model.encode_background_as_zeros else 1.0
        self.background = [first] + [0.0] * (self.class_slots - 1)

    def object_graph_keys(self) -> dict[str, str]:
        """The key of every variable in a TF2 checkpoint, by checkpoint name; none for a model of TF1."""
        return object_graph.keys(self.extractor, self.predictor) if self.extractor.kind.keras else {}

    def preprocess(self, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """One image, uint8 or float32 [H, W, 3] of 0..255, resized and in -1..1, and its shape without padding.

        Returns float32 [h, w, c] and int32 [3]. The pixels are normalised first and resized then, which decides what
        padding is; where both commute the smaller image is normalised. With `fixed_shape_resizer` a batch
        [B, H, W, 3] gives a batch of pixels (the shape then means nothing).
        """
        if self.resizer.affine:
            resized, shape = self.resizer.resize(image)
            return self.extractor.normalize(resized), shape
        return self.resizer.resize(self.extractor.normalize(tf.cast(image, tf.float32)))

    def feature_maps(self, images: tf.Tensor, training: bool = False) -> list[tf.Tensor]:
        """The feature maps [B, h, w, C] that boxes are predicted from, finest first."""
        return self.extractor(images, training)

    def predict(
        self,
        images: tf.Tensor,
        true_shapes: tf.Tensor | None = None,
        training: bool = False,
        seed: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        """Run the network on preprocessed images [B, h, w, c].

        true_shapes: int32 [B, 3], what `preprocess` gave; None where no image is padded. training: use the batch's
        statistics in batch norm and move its averages, apply dropout (drawn from `seed`, int32 [2]).

        Returns box_encodings [B, A, 4], class_predictions_with_background [B, A, K] (logits; the background's first),
        anchors [A, 4] normalised to the image with its padding, image_size int32 [2] (height, width with padding) and
        windows [B, 4] or [4], the part of it that is image.
        """
        maps = self.feature_maps(images, training)
        codes, logits = self.predictor(maps, training, seed)
        image_size = _height_and_width(images)
        return {
            "box_encodings": codes,
            "class_predictions_with_background": logits,
            "anchors": self.anchor_generator.generate([_height_and_width(features) for features in maps], image_size),
            "image_size": tf.convert_to_tensor(image_size),
            "windows": _windows(image_size, true_shapes),
        }

    def targets(self, predictions: dict[str, tf.Tensor], groundtruth: Groundtruth) -> target_assigner.Targets:
        """What each anchor should predict."""
        # Ground truth is relative to the image, anchors are relative to the image with its padding.
        image_sides = predictions["windows"][..., tf.newaxis, 2:]
        boxes = groundtruth.boxes * tf.concat([image_sides, image_sides], axis=-1)
        labels = tf.one_hot(groundtruth.classes, self.num_classes)
        if self.class_slots > self.num_classes:
            labels = tf.pad(labels, [[0, 0], [0, 0], [1, 0]])
        return target_assigner.assign(
            predictions["anchors"],
            boxes,
            labels,
            groundtruth.weights,
            groundtruth.num_boxes,
            matcher=self.matcher,
            background=self.background,
            box_coder=self.box_coder,
            similarity=self.similarity,
            negative_class_weight=self.model.negative_class_weight,
        )

    def anchor_losses(
        self, predictions: dict[str, tf.Tensor], wanted: target_assigner.Targets
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Localisation loss [B, A] and classification loss [B, A] or [B, A, K] of every anchor, weighted.

        What a box with swapped sides leaves undefined in its code (the logarithm of a negative size) costs nothing.
        """
        codes, code_targets = predictions["box_encodings"], wanted.box_targets
        code_targets = tf.where(tf.math.is_nan(code_targets), codes, code_targets)
        # The OD API compares codes as if they were boxes, which gives a constant or NaN: nothing to be equal to.
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
        """Weighted and normalised losses, scalars by tag. `seed` (int32 [2]) is for `random_example_sampler` alone.

        Where several replicas share the batch, each gives its part, and the loss is their sum.
        """
        loss, wanted = self.model.loss, self.targets(predictions, groundtruth)
        if self.sampled_fraction is not None:
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
        if self.model.normalize_loss_by_num_matches:
            normalizer = tf.maximum(replicas.total(tf.reduce_sum(wanted.box_weights)), 1.0)
        code_size = BOX_CODE_SIZE if self.model.normalize_loc_loss_by_codesize else 1
        return {
            LOCALIZATION: loss.localization_weight / (normalizer * code_size) * tf.reduce_sum(localization),
            CLASSIFICATION: loss.classification_weight / normalizer * tf.reduce_sum(classification),
        }

    def _sampled(self, wanted: target_assigner.Targets, seed: tf.Tensor | None) -> target_assigner.Targets:
        """The targets with the weights of all but a random sample of the anchors at 0."""
        foreground = wanted.class_targets[..., self.class_slots - self.num_classes :]
        sample = sampling.balanced(
            wanted.class_weights != 0,
            tf.reduce_sum(foreground, axis=-1) != 0,
            None,
            self.sampled_fraction,
            tf.zeros([2], tf.int32) if seed is None else seed,
        )
        sample = tf.cast(sample, tf.float32)
        return wanted._replace(class_weights=wanted.class_weights * sample, box_weights=wanted.box_weights * sample)

    def regularization_loss(self) -> tf.Tensor:
        """The sum of the penalties on the variables, scalar."""
        return self.registry.regularization_loss()

    def postprocess(
        self, predictions: dict[str, tf.Tensor], true_shapes: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """From predictions to detections, all float32.

        true_shapes: int32 [B, 3], what `preprocess` gave; None where no image is padded.

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
            self.nms,
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
    """The part of each padded image that is image, normalised [B, 4], or [4] for all."""
    if true_shapes is None:
        return tf.constant([0.0, 0.0, 1.0, 1.0])
    sides = tf.cast(true_shapes[:, :2], tf.float32) / tf.cast(image_size, tf.float32)
    return tf.concat([tf.zeros_like(sides), sides], axis=1)


def _height_and_width(x: tf.Tensor) -> tuple:
    """Height and width of [B, H, W, C], as numbers where they are known."""
    return tuple(tf.shape(x)[axis] if x.shape[axis] is None else x.shape[axis] for axis in (1, 2))
