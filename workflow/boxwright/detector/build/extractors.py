"""Feature extractors of SSD: preprocessing, backbone and extra feature maps, as an `SsdFeatureExtractor` message says.

The base of an extractor has settings of its own (those the backbone was published with), unless
`override_base_feature_extractor_hyperparams` gives it the ones of the extra maps.

Batch norm while training, as the OD API has it. TF1 extractors: `freeze_batchnorm` reaches the base alone; the extra
maps, the box predictor and an overridden base follow `conv_hyperparams.batch_norm.train`. Keras extractors
(`..._keras`): `freeze_batchnorm` alone decides, everywhere.
"""

from dataclasses import dataclass, replace

import tensorflow as tf

from boxwright.catalog.extractors import EXTRACTORS
from boxwright.core.errors import UserError
from boxwright.detector import hyperparams as hp
from boxwright.detector import initializers
from boxwright.detector.backbones.mobilenet_v1 import MobileNetV1
from boxwright.detector.backbones.mobilenet_v2 import MobileNetV2
from boxwright.detector.hyperparams import BatchNorm, Hyperparams, Regularizer
from boxwright.detector.layers import Variables
from boxwright.detector.necks.extra_maps import ExtraMaps

SCOPE = "FeatureExtractor"
SMALLEST_SIDE = EXTRACTORS["ssd_mobilenet_v1"].smallest_side

# How the MobileNets of TF-Slim were trained.
BASE = Hyperparams(
    activation=tf.nn.relu6,
    initializer=initializers.truncated_normal(stddev=0.09),
    regularizer=Regularizer("l2", 4e-5),
    batch_norm=BatchNorm(decay=0.9997, center=True, scale=True, epsilon=0.001),
)


@dataclass(frozen=True)
class Kind:
    """One value of `type`: the backbone, its scope, the end points that are feature maps.

    keras: whether it is TF2's. extra_maps: the name that these have in TF2's object graph.
    """

    backbone: type
    scope: str
    end_points: tuple[str, str]
    keras: bool = False
    extra_maps: str = ""


V1_MAPS = ("Conv2d_11_pointwise", "Conv2d_13_pointwise")
V2_MAPS = ("layer_15/expansion_output", "layer_19")
KINDS = {
    "ssd_mobilenet_v1": Kind(MobileNetV1, f"{SCOPE}/MobilenetV1", V1_MAPS),
    "ssd_mobilenet_v2": Kind(MobileNetV2, f"{SCOPE}/MobilenetV2", V2_MAPS),
    "ssd_mobilenet_v1_keras": Kind(MobileNetV1, f"{SCOPE}/MobilenetV1", V1_MAPS, True, "_feature_map_generator"),
    "ssd_mobilenet_v2_keras": Kind(MobileNetV2, f"{SCOPE}/MobilenetV2", V2_MAPS, True, "feature_map_generator"),
}


class SsdFeatureExtractor:
    """From a preprocessed image to its feature maps.

    message: an `SsdFeatureExtractor` message; `field` its dotted path, for errors.
    channels_in: channels of the image.
    `channels` lists the channels of each feature map, finest first.
    """

    def __init__(
        self, variables: Variables, message, field: str, *, channels_in: int = 3, freeze_batchnorm: bool = False
    ):
        self.kind = KINDS[message.type]
        self.multiple = message.pad_to_multiple
        extra = self._extra_settings(message, field, freeze_batchnorm)
        shape = {
            "depth_multiplier": message.depth_multiplier,
            "min_depth": message.min_depth,
            "explicit_padding": message.use_explicit_padding,
        }
        self.base = self.kind.backbone(
            variables,
            self.kind.scope,
            *self._base_settings(message, extra, freeze_batchnorm),
            channels_in=channels_in,
            keras=self.kind.keras,
            **shape,
        )
        source = self.kind.end_points[-1]
        self.extra = ExtraMaps(
            variables,
            self.kind.scope,
            source,
            self.base.channels[source],
            extra,
            self._extra_depthwise(message, extra),
            count=message.num_layers - 2,
            **shape,
        )
        self.channels = [self.base.channels[name] for name in self.kind.end_points] + self.extra.channels

    def _extra_settings(self, message, field: str, freeze_batchnorm: bool) -> Hyperparams:
        settings = hp.of_convolutions(message.conv_hyperparams, f"{field}.conv_hyperparams")
        return hp.of_keras(settings.with_batch_norm(train=not freeze_batchnorm)) if self.kind.keras else settings

    def _extra_depthwise(self, message, extra: Hyperparams) -> Hyperparams | None:
        if not message.use_depthwise:
            return None
        return hp.depthwise_of_keras(extra) if self.kind.keras else extra

    def _base_settings(self, message, extra: Hyperparams, freeze_batchnorm: bool) -> list[Hyperparams]:
        """Settings of the base's convolutions; for v2 also those of its depthwise ones."""
        own = BASE.with_batch_norm(train=not freeze_batchnorm)
        v2 = self.kind.backbone is MobileNetV2
        if not message.override_base_feature_extractor_hyperparams:
            depthwise = own if self.kind.keras else own.unpenalised()
            return [own, depthwise][: 1 + v2]
        base = extra
        if self.kind.keras:
            # No layer of Keras' networks has a bias, even where the settings leave it without batch norm.
            base = replace(extra, bias=False)
        elif v2:
            # The definition of the network itself fixes these; that of v1 leaves even the choice of batch norm.
            batch_norm = extra.batch_norm or own.batch_norm
            base = replace(extra, activation=tf.nn.relu6, batch_norm=batch_norm)
            base = base.with_batch_norm(center=True, scale=True)
        return [base] * (1 + v2)

    @staticmethod
    def normalize(image: tf.Tensor) -> tf.Tensor:
        """Pixels 0..255 to -1..1."""
        return image * (2.0 / 255.0) - 1.0

    def __call__(self, images: tf.Tensor, training: bool = False) -> list[tf.Tensor]:
        """Preprocessed images [B, H, W, C] -> the feature maps, finest first."""
        height, width = images.shape[1:3]
        if min(side for side in (height or SMALLEST_SIDE, width or SMALLEST_SIDE)) < SMALLEST_SIDE:
            raise UserError(
                f"The image resizer makes images of {height}x{width} pixels, and this feature extractor needs at least "
                f"{SMALLEST_SIDE}x{SMALLEST_SIDE}: set a larger size in image_resizer."
            )
        if self.multiple > 1:
            missing = -tf.shape(images)[1:3] % self.multiple
            images = tf.pad(images, [[0, 0], [0, missing[0]], [0, missing[1]], [0, 0]])
        end_points = self.base(images, training)
        maps = [end_points[name] for name in self.kind.end_points]
        return maps + self.extra(maps[-1], training)
