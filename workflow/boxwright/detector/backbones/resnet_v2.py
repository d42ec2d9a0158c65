"""ResNet v2, whose units begin with batch norm and activation (He et al. 2016, https://arxiv.org/abs/1603.05027).

The network is Keras', as Keras publishes it: the stride of a block is in its last unit, and the last block has none.
"""

from collections.abc import Iterable

import tensorflow as tf

from boxwright.detector import object_graph
from boxwright.detector.backbones.resnet_v1 import EXPANSION, UNITS, WIDTHS
from boxwright.detector.hyperparams import BatchNorm, Hyperparams
from boxwright.detector.layers import Convolution, Normalizer, Variables, pad_explicitly

BATCH_NORM = BatchNorm(decay=0.99, scale=True, epsilon=1.001e-5)
NORMALISED = Hyperparams(batch_norm=BATCH_NORM)
LINEAR = Hyperparams(activation=None)


class Unit:
    """Batch norm and ReLU; 1x1, 3x3 and 1x1 convolutions; plus a shortcut.

    project: whether the shortcut is a convolution of the activated input, or the input itself. stride: of the 3x3
    convolution; a shortcut without a convolution takes every second pixel.
    """

    def __init__(self, variables: Variables, name: str, channels_in: int, width: int, *, stride: int, project: bool):
        self._name, self._stride = name, stride
        depth = EXPANSION * width
        self._first = Normalizer(variables, f"{name}/preact", channels_in, BATCH_NORM)
        self._shortcut = None
        if project:
            self._shortcut = Convolution(
                variables, f"{name}/shortcut", channels_in, depth, LINEAR, kernel=1, stride=stride
            )
        self._convolutions = [
            Convolution(variables, f"{name}/conv1", channels_in, width, NORMALISED, kernel=1),
            Convolution(variables, f"{name}/conv2", width, width, NORMALISED, stride=stride, padding="EXPLICIT"),
            Convolution(variables, f"{name}/conv3", width, depth, LINEAR, kernel=1),
        ]

    def __call__(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """[B, H, W, channels_in] -> [B, ceil(H / stride), ceil(W / stride), 4 * width]."""
        y = self._activated(x, training)
        if self._shortcut is not None:
            x = self._shortcut(y, training)
        elif self._stride > 1:
            x = x[:, :: self._stride, :: self._stride]
        for convolution in self._convolutions:
            y = convolution(y, training)
        return x + y

    def _activated(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        with tf.name_scope(f"{self._name}/preact/"):
            if training:
                return tf.nn.relu(self._first.by_batch(x))
            scale, shift = self._first.scale_and_shift()
            return tf.nn.relu(x * tf.cast(scale, x.dtype) + tf.cast(shift, x.dtype))

    def layers(self) -> list[Convolution | Normalizer]:
        """Its layers in the order in which TF2 numbers them."""
        *before, last = self._convolutions
        return [self._first, *before, *([] if self._shortcut is None else [self._shortcut]), last]


class ResNetV2:
    """A convolution, pooling and four blocks of units. A `Backbone` of one level, with stride 32.

    Keras' network ends with a batch norm that nothing uses here; its variables are in checkpoints, so they are created,
    and are not listed as trainable.
    """

    def __init__(self, variables: Variables, scope: str, depth: int, channels_in: int = 3):
        self._stem = Convolution(
            variables, f"{scope}/conv1", channels_in, WIDTHS[0], LINEAR, kernel=7, stride=2, padding="EXPLICIT"
        )
        self._units: list[Unit] = []
        channels = WIDTHS[0]
        for block, (count, width) in enumerate(zip(UNITS[depth], WIDTHS, strict=True), 1):
            for number in range(1, count + 1):
                stride = 2 if number == count and block < len(WIDTHS) else 1
                name = f"{scope}/block{block}/unit_{number}"
                unit = Unit(variables, name, channels, width, stride=stride, project=number == 1)
                self._units.append(unit)
                channels = EXPANSION * width
        self._unused = Normalizer(variables, f"{scope}/postnorm", channels, BATCH_NORM)
        variables.leave_out(self._unused.names)
        self.channels, self.strides, self.end_points = {5: channels}, {5: 32}, {5: "block4"}

    def __call__(
        self, images: tf.Tensor, training: bool = False, seed: tf.Tensor | None = None
    ) -> dict[int, tf.Tensor]:
        """[B, H, W, channels_in] -> {5: [B, ceil(H / 32), ceil(W / 32), 2048]}."""
        x = tf.nn.max_pool2d(pad_explicitly(self._stem(images, training), (3, 3)), 3, 2, "VALID")
        for unit in self._units:
            x = unit(x, training)
        return {5: x}

    def object_graph_keys(self) -> dict[str, str]:
        """Keys of TF2 by name."""
        return _numbered([self._stem, *(layer for unit in self._units for layer in unit.layers()), self._unused])


def _numbered(layers: Iterable[Convolution | Normalizer]) -> dict[str, str]:
    """The keys of layers of which some are a batch norm alone."""
    found: dict[str, str] = {}
    place = 0
    for layer in layers:
        if isinstance(layer, Normalizer):
            found |= object_graph.batch_norm(layer, f"{object_graph.CENTER_BACKBONE}{place}")
            place += 1
        else:
            found |= object_graph.numbered(object_graph.CENTER_BACKBONE, [layer], place)
            place += object_graph.places([layer])
    return found


def center_features(variables: Variables, scope: str, *, depth: int, channels_in: int = 3) -> ResNetV2:
    """The network of a CenterNet. `depth`: its number of layers, one of `resnet_v1.UNITS`."""
    return ResNetV2(variables, scope, depth, channels_in)
