"""The region proposal network's head: a convolution, then objectness and box encodings of every anchor.

Ren et al. 2015, https://arxiv.org/abs/1506.01497, section 3.1.
"""

from dataclasses import replace

import tensorflow as tf

from boxwright.boxes.coders.box_coder import CODE_SIZE
from boxwright.detector import object_graph
from boxwright.detector.hyperparams import Hyperparams
from boxwright.detector.layers import Convolution, Variables

# Objectness has a column for background and one for object.
OBJECTNESS_SIZE = 2


class RegionProposalHead:
    """A convolution with ReLU6 that slides over the feature map and two 1x1 convolutions that predict from it.

    The variables are `Conv/*`, `<scope>/BoxEncodingPredictor/*` and `<scope>/ClassPredictor/*`. keras: whether the head
    is TF2's.
    """

    def __init__(
        self,
        variables: Variables,
        scope: str,
        channels_in: int,
        anchors_per_location: int,
        settings: Hyperparams,
        *,
        depth: int,
        kernel: int,
        rate: int,
        keras: bool = False,
    ):
        self._keras = keras
        # Always ReLU6, as in the OD API, whatever activation is configured.
        relu6 = replace(settings, activation=tf.nn.relu6)
        # Its values are only factors of products.
        with variables.rounded_between_layers():
            self.slide = Convolution(variables, "Conv", channels_in, depth, relu6, kernel=kernel, rate=rate)
        self.boxes = Convolution(
            variables,
            f"{scope}/BoxEncodingPredictor",
            depth,
            anchors_per_location * CODE_SIZE,
            settings.head(),
            kernel=1,
        )
        self.objectness = Convolution(
            variables,
            f"{scope}/ClassPredictor",
            depth,
            anchors_per_location * OBJECTNESS_SIZE,
            settings.head(),
            kernel=1,
        )

    def __call__(self, features: tf.Tensor, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """[B, h, w, channels_in] -> box encodings [B, A, 4] and objectness logits [B, A, 2], in the anchors' order."""
        x = self.slide(features, training)
        batch = tf.shape(x)[0]
        boxes, objectness = (tf.cast(head(x), tf.float32) for head in (self.boxes, self.objectness))
        return tf.reshape(boxes, [batch, -1, CODE_SIZE]), tf.reshape(objectness, [batch, -1, OBJECTNESS_SIZE])

    def object_graph_keys(self) -> dict[str, str]:
        """Keys of TF2 by name; {} for TF1."""
        if not self._keras:
            return {}
        heads = "model/_first_stage_box_predictor/_prediction_heads"
        return {
            **object_graph.numbered("model/_first_stage_box_predictor_first_conv/layer_with_weights-", [self.slide]),
            **object_graph.listed(f"{heads}/box_encodings/0/_box_encoder_layers", [self.boxes]),
            **object_graph.listed(
                f"{heads}/class_predictions_with_background/0/_class_predictor_layers", [self.objectness]
            ),
        }


def make(
    variables: Variables,
    scope: str,
    channels_in: int,
    anchors_per_location: int,
    *,
    conv_hyperparams: Hyperparams,
    depth: int = 512,
    kernel_size: int = 3,
    atrous_rate: int = 1,
    keras: bool = False,
) -> RegionProposalHead:
    """The head on a feature map with `channels_in` channels. keras: whether it is TF2's."""
    return RegionProposalHead(
        variables,
        scope,
        channels_in,
        anchors_per_location,
        conv_hyperparams,
        depth=depth,
        kernel=kernel_size,
        rate=atrous_rate,
        keras=keras,
    )
