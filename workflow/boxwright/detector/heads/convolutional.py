"""The convolutional box predictor: for each feature map two convolutions, one for boxes and one for classes."""

import tensorflow as tf

from boxwright.detector import hyperparams as hp
from boxwright.detector.hyperparams import Hyperparams
from boxwright.detector.layers import Convolution, DepthwiseConvolution, Variables, dropout

BOX_CODE_SIZE = 4


class ConvolutionalBoxPredictor:
    """What each anchor predicts: a box code and one logit per class slot.

    message: a `ConvolutionalBoxPredictor` message; `field` its dotted path, for errors.
    feature_channels: channels of each feature map; anchors_per_location: anchors per cell of each.
    class_slots: logits per anchor, with the background's where the model has one.
    keras: a TF2 model, where `freeze_batchnorm` decides whether batch norm trains (in TF1 models the message does), and
        depthwise kernels have neither the initializer nor the regularizer of the others.

    Variables are `BoxPredictor_<i>/{BoxEncodingPredictor,ClassPredictor}/...`, without the scope if there is one map.
    """

    def __init__(
        self,
        variables: Variables,
        message,
        field: str,
        feature_channels: list[int],
        anchors_per_location: list[int],
        class_slots: int,
        *,
        keras: bool = False,
        freeze_batchnorm: bool = False,
    ):
        self.class_slots = class_slots
        # TF2's predictor does not look at the field.
        self.sigmoid = message.apply_sigmoid_to_scores and not keras
        self.keep_probability = message.dropout_keep_probability if message.use_dropout else None
        self.clip_range = None
        if message.HasField("box_encodings_clip_range"):
            self.clip_range = (message.box_encodings_clip_range.min, message.box_encodings_clip_range.max)
        settings = hp.of_convolutions(message.conv_hyperparams, f"{field}.conv_hyperparams")
        if keras:
            settings = hp.of_keras(settings.with_batch_norm(train=not freeze_batchnorm))
        depthwise = hp.depthwise_of_keras(settings) if keras else settings

        self.towers: list[list[Convolution]] = []
        self.box_heads: list[list[Convolution]] = []
        self.class_heads: list[list[Convolution]] = []
        for index, (channels, anchors) in enumerate(zip(feature_channels, anchors_per_location, strict=True)):
            scope = f"BoxPredictor_{index}/" if len(feature_channels) > 1 else ""
            tower, width = self._tower(variables, scope, message, channels, settings)
            head = {"depthwise": depthwise if message.use_depthwise else None, "kernel": message.kernel_size}
            boxes, classes = f"{scope}BoxEncodingPredictor", f"{scope}ClassPredictor"
            self.towers.append(tower)
            self.box_heads.append(_head(variables, boxes, width, anchors * BOX_CODE_SIZE, settings, **head))
            bias = message.class_prediction_bias_init
            self.class_heads.append(
                _head(variables, classes, width, anchors * class_slots, settings, bias=bias, **head)
            )

    @staticmethod
    def _tower(
        variables: Variables, scope: str, message, channels: int, settings: Hyperparams
    ) -> tuple[list[Convolution], int]:
        """The 1x1 layers before the heads, and the channels that reach the heads."""
        width = max(min(channels, message.max_depth), message.min_depth)
        if width == 0:
            return [], channels
        tower = []
        for index in range(message.num_layers_before_predictor):
            name = f"{scope}Conv2d_{index}_1x1_{width}"
            tower.append(Convolution(variables, name, channels, width, settings, kernel=1))
            channels = width
        return tower, channels

    def __call__(
        self, feature_maps: list[tf.Tensor], training: bool = False, seed: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Box codes [B, A, 4] and class logits [B, A, class_slots] of all maps, in the order of the anchors.

        `seed` (int32 [2]) draws the dropout of the class features and is needed only for it, in training.
        """
        codes, logits = [], []
        for index, features in enumerate(feature_maps):
            batch = tf.shape(features)[0]
            for layer in self.towers[index]:
                features = layer(features, training)
            boxes = _run(self.box_heads[index], features, training)
            if training and self.keep_probability not in (None, 1.0):
                features = dropout(features, self.keep_probability, tf.random.fold_in(seed, index))
            classes = _run(self.class_heads[index], features, training)
            codes.append(tf.reshape(boxes, [batch, -1, BOX_CODE_SIZE]))
            logits.append(tf.reshape(classes, [batch, -1, self.class_slots]))
        codes, logits = (tf.cast(tf.concat(parts, axis=1), tf.float32) for parts in (codes, logits))
        if self.clip_range is not None:
            codes = tf.clip_by_value(codes, *self.clip_range)
        return codes, tf.sigmoid(logits) if self.sigmoid else logits


def _head(
    variables: Variables,
    name: str,
    channels_in: int,
    channels_out: int,
    settings: Hyperparams,
    *,
    depthwise: Hyperparams | None,
    kernel: int,
    bias: float = 0.0,
) -> list[Convolution]:
    layers = []
    if depthwise is not None:
        layers.append(DepthwiseConvolution(variables, f"{name}_depthwise", channels_in, depthwise, kernel=kernel))
        kernel = 1
    layers.append(Convolution(variables, name, channels_in, channels_out, settings.head(), kernel=kernel, bias=bias))
    return layers


def _run(layers: list[Convolution], x: tf.Tensor, training: bool) -> tf.Tensor:
    for layer in layers:
        x = layer(x, training)
    return x
