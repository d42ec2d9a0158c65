"""The range of each number in a configuration, by the message and the field.

What a range leaves out fails in the engine, or makes it learn nothing. Most upper ends are only there to catch slips:
beyond them no machine has the memory.
"""

import math
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from boxwright.protos.plain import short_float

_LARGEST = 3.4028234663852886e38  # of float32


@dataclass(frozen=True)
class Range:
    """From `least` to `most`; `above`, `below`: without these ends. use: a value within, where the default is not."""

    least: float = -_LARGEST
    most: float = _LARGEST
    above: bool = False
    below: bool = False
    use: float | None = None

    def __contains__(self, value: float) -> bool:
        over = value > self.least if self.above else value >= self.least
        under = value < self.most if self.below else value <= self.most
        return over and under

    def __str__(self) -> str:
        if self.least == self.most:
            return f"{self.least:g}"
        if -self.least == self.most == _LARGEST:
            return "a finite number"
        if self.least == -(2**31):
            return f"at most {self.most:,}"
        low, high = (f"{end:,}" if isinstance(end, int) else f"{end:g}" for end in (self.least, self.most))
        if self.most == _LARGEST:
            return f"above {low}" if self.above else f"{low} or more"
        if not (self.above or self.below):
            return f"{low} to {high}"
        return f"{'above' if self.above else 'at least'} {low} and {'below' if self.below else 'at most'} {high}"

    def instead_of(self, field: FieldDescriptor) -> Any:
        """A value of `field` that is within: its default, else `use`."""
        if self.use is None and not field.is_repeated and field.default_value in self:
            default = field.default_value
            return short_float(default) if isinstance(default, float) else default
        return self.use


FINITE = Range()
# Nothing is known of unlimited numbers but that they are some.
ANY = Range(-math.inf, math.inf)
POSITIVE = Range(0, above=True)
NOT_NEGATIVE = Range(0)
SHARE = Range(0, 1)
PART = Range(0, 1, above=True)

# The side of an image in pixels, layers, channels, and boxes of an image, at the utmost.
LARGEST_SIDE, _LAYERS, _CHANNELS, _BOXES = 2**14, 100, 2**14, 10**6
_PIXELS = Range(1, LARGEST_SIDE)
_COUNT = Range(1, _BOXES)
_SCALES = dict.fromkeys(("scales", "aspect_ratios"), POSITIVE)
_STRIDES = {name: Range(1, LARGEST_SIDE) for name in ("height_stride", "width_stride")}
_PADDED = {name: Range(0, LARGEST_SIDE) for name in ("max_height_padding", "max_width_padding")}
_CROP = {
    "min_object_covered": SHARE,
    "min_area": Range(0, 1, above=True, use=0.1),
    "max_area": Range(0, 1, above=True, use=1.0),
    "overlap_thresh": SHARE,
    "random_coef": SHARE,
}
_ASPECT = {
    "min_aspect_ratio": Range(0, above=True, use=0.5),
    "max_aspect_ratio": Range(0, above=True, use=2.0),
}
_SCALED = {"scale_min": POSITIVE, "scale_max": POSITIVE}

BOUNDS: dict[str, dict[str, Range]] = {
    "Ssd": {"num_classes": Range(1, 10**5), "negative_class_weight": NOT_NEGATIVE},
    "SsdFeatureExtractor": {
        "depth_multiplier": Range(0, 16, above=True),
        "min_depth": Range(-(2**31), _CHANNELS),
        "num_layers": Range(2, 6),
        "pad_to_multiple": Range(1, LARGEST_SIDE),
    },
    "ConvolutionalBoxPredictor": {
        "min_depth": Range(0, _CHANNELS),
        "max_depth": Range(0, _CHANNELS),
        "num_layers_before_predictor": Range(-(2**31), _LAYERS),
        "dropout_keep_probability": PART,
        "kernel_size": Range(1, 100),
    },
    "BoxEncodingsClipRange": {"min": ANY, "max": ANY},
    "BatchNorm": {"decay": SHARE, "epsilon": NOT_NEGATIVE},
    "L1Regularizer": {"weight": Range(0, use=4e-5)},
    "L2Regularizer": {"weight": Range(0, use=4e-5)},
    "TruncatedNormalInitializer": {"stddev": Range(0, use=0.03)},
    "RandomNormalInitializer": {"stddev": Range(0, use=0.01)},
    "VarianceScalingInitializer": {"factor": NOT_NEGATIVE},
    "MeanStddevBoxCoder": {"stddev": POSITIVE},
    "FasterRcnnBoxCoder": dict.fromkeys(("y_scale", "x_scale", "height_scale", "width_scale"), POSITIVE),
    "SsdAnchorGenerator": {
        # More halvings than any image has.
        "num_layers": Range(1, 30),
        "min_scale": POSITIVE,
        "max_scale": POSITIVE,
        "base_anchor_height": POSITIVE,
        "base_anchor_width": POSITIVE,
        **_SCALES,
        **_STRIDES,
    },
    "GridAnchorGenerator": {"height": _PIXELS, "width": _PIXELS, **_SCALES, **_STRIDES},
    "MultiscaleAnchorGenerator": {
        "min_level": Range(0, 30),
        "max_level": Range(0, 30),
        "anchor_scale": POSITIVE,
        "scales_per_octave": Range(1, 100),
        "aspect_ratios": POSITIVE,
    },
    "Loss": {"classification_weight": NOT_NEGATIVE, "localization_weight": NOT_NEGATIVE},
    "EqualizationLoss": {"weight": Range(0, 0)},
    "HardExampleMiner": {"iou_threshold": SHARE},
    "RandomExampleSampler": {"positive_sample_fraction": PART},
    "WeightedSmoothL1LocalizationLoss": {"delta": POSITIVE},
    "SigmoidFocalClassificationLoss": {"gamma": NOT_NEGATIVE, "alpha": Range(0, 1, use=0.75)},
    "WeightedSoftmaxClassificationLoss": {"logit_scale": POSITIVE},
    "WeightedSoftmaxClassificationAgainstLogitsLoss": {"logit_scale": POSITIVE},
    "BootstrappedSigmoidClassificationLoss": {"alpha": Range(0, 1, use=0.95)},
    "PostProcessing": {"logit_scale": POSITIVE},
    "BatchNonMaxSuppression": {
        "iou_threshold": SHARE,
        "max_detections_per_class": _COUNT,
        "max_total_detections": _COUNT,
        "soft_nms_sigma": NOT_NEGATIVE,
        "max_classes_per_detection": Range(-(2**31), 1),
    },
    "FixedShapeResizer": {"height": _PIXELS, "width": _PIXELS},
    "KeepAspectRatioResizer": {"min_dimension": _PIXELS, "max_dimension": Range(1)},
    "ConditionalShapeResizer": {"size_threshold": Range(1)},
    "PadToMultipleResizer": {"multiple": _PIXELS},
    "FasterRcnn": {
        "num_classes": Range(1, 10**5),
        "first_stage_atrous_rate": Range(1, 100),
        "first_stage_box_predictor_kernel_size": Range(1, 100),
        "first_stage_box_predictor_depth": Range(1, _CHANNELS),
        "first_stage_minibatch_size": Range(1),
        "first_stage_positive_balance_fraction": SHARE,
        "first_stage_nms_iou_threshold": SHARE,
        "first_stage_max_proposals": _COUNT,
        "first_stage_localization_loss_weight": NOT_NEGATIVE,
        "first_stage_objectness_loss_weight": NOT_NEGATIVE,
        "initial_crop_size": Range(0, 200, use=14),
        "maxpool_kernel_size": Range(0, 200),
        "maxpool_stride": Range(1, 200, use=2),
        "second_stage_batch_size": _COUNT,
        "second_stage_balance_fraction": SHARE,
        "second_stage_localization_loss_weight": NOT_NEGATIVE,
        "second_stage_classification_loss_weight": NOT_NEGATIVE,
    },
    "MaskRCNNBoxPredictor": {"dropout_keep_probability": PART},
    "TrainConfig": {
        "batch_size": Range(1, 10**5, use=8),
        "gradient_clipping_by_norm": NOT_NEGATIVE,
        "bias_grad_multiplier": NOT_NEGATIVE,
    },
    "Optimizer": {"moving_average_decay": SHARE},
    "MomentumOptimizer": {"momentum_optimizer_value": Range(0, 1, below=True)},
    "RMSPropOptimizer": {
        "momentum_optimizer_value": Range(0, 1, below=True),
        "decay": SHARE,
        "epsilon": NOT_NEGATIVE,
    },
    "AdamOptimizer": {"epsilon": POSITIVE},
    "ConstantLearningRate": {"learning_rate": NOT_NEGATIVE},
    "ExponentialDecayLearningRate": {
        "initial_learning_rate": NOT_NEGATIVE,
        "decay_steps": Range(1),
        "decay_factor": PART,
        "burnin_learning_rate": NOT_NEGATIVE,
        "min_learning_rate": NOT_NEGATIVE,
    },
    "ManualStepLearningRate": {"initial_learning_rate": NOT_NEGATIVE},
    "LearningRateSchedule": {"learning_rate": NOT_NEGATIVE},
    "CosineDecayLearningRate": {"learning_rate_base": NOT_NEGATIVE, "warmup_learning_rate": NOT_NEGATIVE},
    "InputReader": {"max_number_of_boxes": Range(1)},
    "RandomHorizontalFlip": {"probability": SHARE},
    "RandomAdjustBrightness": {"max_delta": NOT_NEGATIVE},
    "RandomAdjustContrast": {"min_delta": NOT_NEGATIVE, "max_delta": NOT_NEGATIVE},
    "RandomAdjustSaturation": {"min_delta": NOT_NEGATIVE, "max_delta": NOT_NEGATIVE},
    # Hues lie on a circle: half of it to either side is all of it.
    "RandomAdjustHue": {"max_delta": Range(0, 0.5)},
    "RandomCropImage": {**_CROP, **_ASPECT},
    "SSDRandomCropOperation": {**_CROP, **_ASPECT},
    "SSDRandomCropFixedAspectRatioOperation": _CROP,
    "SSDRandomCropFixedAspectRatio": {"aspect_ratio": POSITIVE},
    "RandomAbsolutePadImage": {**_PADDED, "pad_color": Range(0, 255)},
    "RandomSquareCropByScale": {"max_border": Range(0, LARGEST_SIDE), "num_scales": Range(1, 10**4), **_SCALED},
    "RandomScaleCropAndPadToSquare": {"output_size": _PIXELS, **_SCALED},
}
