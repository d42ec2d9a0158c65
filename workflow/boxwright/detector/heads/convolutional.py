"""The convolutional box predictor: two convolutions on each feature map, one for boxes and one for classes."""

from collections.abc import Mapping, Sequence

import tensorflow as tf

from boxwright.boxes.coders.box_coder import CODE_SIZE
from boxwright.checkpoints.class_rows import ClassColumns
from boxwright.detector import object_graph
from boxwright.detector.heads import all_maps
from boxwright.detector.hyperparams import Hyperparams, depthwise_of_keras
from boxwright.detector.layers import Convolution, DepthwiseConvolution, Variables, dropout


class ConvolutionalBoxPredictor:
    """Predicts a box code and one logit per class for each anchor, the background's first if there is one.

    `make` builds it. Variables are `BoxPredictor_<i>/{BoxEncodingPredictor,ClassPredictor}/...`, without the scope if
    there is only one map.
    """

    def __init__(
        self,
        variables: Variables,
        channels: Mapping[int, int],
        anchors_per_location: Sequence[int],
        num_classes: int,
        background: bool,
        hyperparams: Hyperparams,
        depthwise: Hyperparams | None,
        *,
        kernel: int,
        tower_layers: int,
        tower_depths: tuple[int, int],
        class_bias: float,
        keep_probability: float | None,
        clip_range: tuple[float, float] | None,
        sigmoid: bool,
        code_size: int,
        keras: bool,
    ):
        self.code_size = code_size
        self.background = background
        self.class_slots = num_classes + background
        self.keep_probability = keep_probability
        self.clip_range = clip_range
        self.sigmoid = sigmoid
        self.keras = keras
        self.towers: list[list[Convolution]] = []
        self.box_heads: list[list[Convolution]] = []
        self.class_heads: list[list[Convolution]] = []
        for index, (wide, anchors) in enumerate(zip(channels.values(), anchors_per_location, strict=True)):
            scope = f"BoxPredictor_{index}/" if len(channels) > 1 else ""
            tower, width = _tower(variables, scope, tower_layers, tower_depths, wide, hyperparams)
            head = {"depthwise": depthwise, "kernel": kernel}
            boxes, classes = f"{scope}BoxEncodingPredictor", f"{scope}ClassPredictor"
            self.towers.append(tower)
            self.box_heads.append(_head(variables, boxes, width, anchors * code_size, hyperparams, **head))
            self.class_heads.append(
                _head(variables, classes, width, anchors * self.class_slots, hyperparams, bias=class_bias, **head)
            )

    def __call__(
        self, maps: Mapping[int, tf.Tensor], training: bool = False, seed: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Box codes [B, A, code_size] and class logits [B, A, class_slots] of all maps, in the order of the anchors.

        `seed` (int32 [2]) draws the dropout of the class features and is needed only for it, in training.
        """
        codes, logits = [], []
        for index, features in enumerate(maps.values()):
            for layer in self.towers[index]:
                features = layer(features, training)
            boxes = _run(self.box_heads[index], features, training)
            if training and self.keep_probability not in (None, 1.0):
                features = dropout(features, self.keep_probability, tf.random.fold_in(seed, index))
            classes = _run(self.class_heads[index], features, training)
            codes.append(boxes)
            logits.append(classes)
        return all_maps.joined(codes, logits, self.code_size, self.class_slots, self.clip_range, self.sigmoid)

    def class_columns(self) -> dict[str, ClassColumns]:
        """The weights and biases of each map's last layer for classes."""
        names = [layers[-1].name for layers in self.class_heads]
        return {f"{name}/{part}": ClassColumns(self.background) for name in names for part in ("weights", "biases")}

    def object_graph_keys(self) -> dict[str, str]:
        """Keys of TF2 by name; {} for TF1."""
        if not self.keras:
            return {}
        found: dict[str, str] = {}
        for index, tower in enumerate(self.towers):
            found |= object_graph.listed(f"{object_graph.PREDICTOR}/_shared_nets/{index}", tower)
        heads = f"{object_graph.PREDICTOR}/_prediction_heads"
        for index, layers in enumerate(self.box_heads):
            found |= object_graph.listed(f"{heads}/box_encodings/{index}/_box_encoder_layers", layers)
        dropped = int(self.keep_probability is not None)
        for index, layers in enumerate(self.class_heads):
            path = f"{heads}/class_predictions_with_background/{index}/_class_predictor_layers"
            found |= object_graph.listed(path, layers, dropped)
        return found


def make(
    variables: Variables,
    channels: Mapping[int, int],
    anchors_per_location: Sequence[int],
    num_classes: int,
    background: bool,
    *,
    conv_hyperparams: Hyperparams,
    kernel_size: int = 1,
    use_depthwise: bool = False,
    num_layers_before_predictor: int = 0,
    min_depth: int = 0,
    max_depth: int = 0,
    class_prediction_bias_init: float = 0.0,
    use_dropout: bool = True,
    dropout_keep_probability: float = 0.8,
    box_encodings_clip_range: Mapping[str, float] | None = None,
    apply_sigmoid_to_scores: bool = False,
    box_code_size: int = CODE_SIZE,
    keras: bool = False,
) -> ConvolutionalBoxPredictor:
    """The head on maps with these `channels` by level and `anchors_per_location` for each map.

    background: whether the model has a class for it. class_prediction_bias_init: where the classes' biases begin; in
    the OD API only without `use_depthwise`, which is why its depthwise heads begin with far too high scores. keras:
    whether this is a TF2 head, whose depthwise kernels use neither the configured initializer nor the regularizer, and
    which returns scores as logits.
    """
    depthwise = None
    if use_depthwise:
        depthwise = depthwise_of_keras(conv_hyperparams) if keras else conv_hyperparams
    return ConvolutionalBoxPredictor(
        variables,
        channels,
        anchors_per_location,
        num_classes,
        background,
        conv_hyperparams,
        depthwise,
        kernel=kernel_size,
        tower_layers=num_layers_before_predictor,
        tower_depths=(min_depth, max_depth),
        class_bias=class_prediction_bias_init,
        keep_probability=dropout_keep_probability if use_dropout else None,
        clip_range=all_maps.bounds(box_encodings_clip_range),
        # TF2's predictor ignores the field.
        sigmoid=apply_sigmoid_to_scores and not keras,
        code_size=box_code_size,
        keras=keras,
    )


def _tower(
    variables: Variables, scope: str, layers: int, depths: tuple[int, int], channels: int, hyperparams: Hyperparams
) -> tuple[list[Convolution], int]:
    """The 1x1 layers before the heads, with `channels` limited to `depths`, and the number of channels after them."""
    least, most = depths
    width = max(min(channels, most), least)
    if width == 0:
        return [], channels
    tower = []
    for index in range(layers):
        name = f"{scope}Conv2d_{index}_1x1_{width}"
        tower.append(Convolution(variables, name, channels, width, hyperparams, kernel=1))
        channels = width
    return tower, channels


def _head(
    variables: Variables,
    name: str,
    channels_in: int,
    channels_out: int,
    hyperparams: Hyperparams,
    *,
    depthwise: Hyperparams | None,
    kernel: int,
    bias: float = 0.0,
) -> list[Convolution]:
    layers = []
    if depthwise is not None:
        layers.append(DepthwiseConvolution(variables, f"{name}_depthwise", channels_in, depthwise, kernel=kernel))
        kernel = 1
    last = hyperparams.head()
    layers.append(Convolution(variables, name, channels_in, channels_out, last, kernel=kernel, bias=bias))
    return layers


def _run(layers: list[Convolution], x: tf.Tensor, training: bool) -> tf.Tensor:
    for layer in layers:
        x = layer(x, training)
    return x
