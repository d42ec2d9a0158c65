"""The weight-shared box predictor: the same convolutions on all feature maps (Lin et al. 2017, arXiv:1708.02002)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import tensorflow as tf

from boxwright.boxes.coders.box_coder import CODE_SIZE
from boxwright.checkpoints.class_rows import ClassColumns
from boxwright.core.errors import UserError
from boxwright.detector import object_graph
from boxwright.detector.heads import all_maps
from boxwright.detector.hyperparams import Hyperparams, depthwise_of_keras
from boxwright.detector.layers import Convolution, Normalizer, Variables, dropout
from boxwright.detector.separable import SeparableConvolution

SCOPE = "WeightSharedConvolutionalBoxPredictor"


class Kernels:
    """Makes the convolutions of the head, full or separable ones.

    tower, head: settings of the layers before the last, and of the last. depthwise_tower, depthwise_head: settings of
    their depthwise kernels if they are separable, else None.
    """

    def __init__(
        self,
        variables: Variables,
        kernel: int,
        tower: Hyperparams,
        head: Hyperparams,
        depthwise_tower: Hyperparams | None = None,
        depthwise_head: Hyperparams | None = None,
    ):
        self._variables, self._kernel = variables, kernel
        self.tower, self.head = tower, head
        self._depthwise_tower, self._depthwise_head = depthwise_tower, depthwise_head

    def in_tower(self, name: str, channels_in: int, channels_out: int) -> Convolution:
        """A layer of a tower, without activation and batch norm."""
        bias = self.tower.batch_norm is None if self.tower.bias is None else self.tower.bias
        settings = replace(self.tower, activation=None, batch_norm=None, bias=bias)
        return self._make(name, channels_in, channels_out, settings, self._depthwise_tower)

    def last(self, name: str, channels_in: int, channels_out: int, bias: float = 0.0) -> Convolution:
        """The last layer, which has a bias."""
        return self._make(name, channels_in, channels_out, self.head.head(), self._depthwise_head, bias=bias)

    def _make(self, name, channels_in, channels_out, settings, depthwise, **more) -> Convolution:
        given = (self._variables, f"{SCOPE}/{name}", channels_in, channels_out, settings)
        if depthwise is None:
            return Convolution(*given, kernel=self._kernel, **more)
        return SeparableConvolution(*given, depthwise, kernel=self._kernel, **more)


class Tower:
    """Convolutions that all maps share, each with a batch norm of its own for each map, and the activation.

    name: the variables are `<name>/conv2d_<i>/...` and `<name>/conv2d_<i>/BatchNorm/feature_<map>/...`.
    """

    def __init__(
        self, variables: Variables, name: str, kernels: Kernels, channels: int, depth: int, layers: int, maps: int
    ):
        self.name, self.channels = name, depth if layers else channels
        self._activation = kernels.tower.activation
        self.convolutions = [
            kernels.in_tower(f"{name}/conv2d_{index}", depth if index else channels, depth) for index in range(layers)
        ]
        self.normalizers: list[list[Normalizer]] = []
        if kernels.tower.batch_norm is not None:
            self.normalizers = [
                [
                    Normalizer(variables, f"{layer.name}/BatchNorm/feature_{number}", depth, kernels.tower.batch_norm)
                    for layer in self.convolutions
                ]
                for number in range(maps)
            ]

    def __call__(self, x: tf.Tensor, number: int, training: bool) -> tf.Tensor:
        """[B, h, w, C] of the map `number` -> [B, h, w, depth]."""
        for index, layer in enumerate(self.convolutions):
            normalizer = self.normalizers[number][index] if self.normalizers else None
            x = layer.normalised(x, normalizer, training)
            if self._activation is not None:
                x = self._activation(x)
        return x


class WeightSharedBoxPredictor:
    """Predicts a box code and one logit per class for each anchor, the background's first if there is one.

    `make` builds it. Variables are in `WeightSharedConvolutionalBoxPredictor`.

    projections: convolutions that give all maps the same number of channels; none if they have it.
    towers: for boxes and for classes; one tower if both use it.
    sigmoid: whether scores instead of logits are returned, except in training.
    """

    def __init__(
        self,
        *,
        projections: Sequence[Convolution],
        towers: Sequence[Tower],
        boxes: Convolution,
        classes: Convolution,
        class_slots: int,
        background: bool,
        keep_probability: float | None,
        clip_range: tuple[float, float] | None,
        sigmoid: bool,
        code_size: int,
        keras: bool,
    ):
        self.code_size = code_size
        self.projections, self.towers = projections, towers
        self.boxes, self.classes = boxes, classes
        self.class_slots, self.background = class_slots, background
        self.keep_probability = keep_probability
        self.clip_range = clip_range
        self.sigmoid = sigmoid
        self.keras = keras

    def __call__(
        self, maps: Mapping[int, tf.Tensor], training: bool = False, seed: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Box codes [B, A, code_size] and class logits [B, A, class_slots] of all maps, in the order of the anchors.

        `seed` (int32 [2]) draws the dropout of the class features and is needed only for it, in training.
        """
        codes, logits = [], []
        for number, features in enumerate(maps.values()):
            if self.projections:
                features = self.projections[number](features, training)
            towers = [tower(features, number, training) for tower in self.towers]
            of_classes = towers[-1]
            if training and self.keep_probability not in (None, 1.0):
                of_classes = dropout(of_classes, self.keep_probability, tf.random.fold_in(seed, number))
            codes.append(self.boxes(towers[0], training))
            logits.append(self.classes(of_classes, training))
        return all_maps.joined(
            codes, logits, self.code_size, self.class_slots, self.clip_range, self.sigmoid and not training
        )

    def class_columns(self) -> dict[str, ClassColumns]:
        """The weights and biases of the last layer for classes."""
        *_, kernel = self.classes.kernels
        return {f"{self.classes.name}/{part}": ClassColumns(self.background) for part in (kernel, "biases")}

    def object_graph_keys(self) -> dict[str, str]:
        """Keys of TF2 by name; {} for TF1.

        Convolutions of towers are listed by tower; batch norms by what the tower is for, and by map.
        """
        if not self.keras:
            return {}
        found: dict[str, str] = {}
        for number, layer in enumerate(self.projections):
            path = f"{object_graph.PREDICTOR}/_additional_projection_layers/{number}"
            found |= object_graph.listed(path, [layer])
        for tower, use in zip(self.towers, ("box_encodings", "class_predictions_with_background"), strict=False):
            for index, layer in enumerate(tower.convolutions):
                path = f"{object_graph.PREDICTOR}/_head_scope_conv_layers/{tower.name}/{index}"
                found |= object_graph.convolution(layer, path)
            for number, normalizers in enumerate(tower.normalizers):
                path = f"{object_graph.PREDICTOR}/_base_tower_layers_for_heads/{use}/{number}"
                for index, normalizer in enumerate(normalizers):
                    found |= object_graph.batch_norm(normalizer, f"{path}/{object_graph.PLACES * index + 1}")
        boxes = f"{object_graph.PREDICTOR}/_box_prediction_head/_box_encoder_layers"
        classes = (
            f"{object_graph.PREDICTOR}/_prediction_heads/class_predictions_with_background/_class_predictor_layers"
        )
        dropped = int(self.keep_probability is not None)
        found |= object_graph.convolution(self.boxes, f"{boxes}/0")
        return found | object_graph.convolution(self.classes, f"{classes}/{dropped}")


def make(
    variables: Variables,
    channels: Mapping[int, int],
    anchors_per_location: Sequence[int],
    num_classes: int,
    background: bool,
    *,
    conv_hyperparams: Hyperparams,
    depth: int = 0,
    num_layers_before_predictor: int = 0,
    kernel_size: int = 3,
    class_prediction_bias_init: float = 0.0,
    use_dropout: bool = False,
    dropout_keep_probability: float = 0.8,
    share_prediction_tower: bool = False,
    use_depthwise: bool = False,
    apply_conv_hyperparams_to_heads: bool = False,
    apply_conv_hyperparams_pointwise: bool = False,
    score_converter: str = "IDENTITY",
    box_encodings_clip_range: Mapping[str, float] | None = None,
    force_use_bias: bool = False,
    box_code_size: int = CODE_SIZE,
    keras: bool = False,
) -> WeightSharedBoxPredictor:
    """The head on maps with these `channels` by level and `anchors_per_location` for each map.

    background: whether the model has a class for it. keras: whether this is a TF2 head. TF1's has ReLU6 in its towers
    whatever is configured. TF2's uses the configured initializer and regularizer for the depthwise kernels of towers,
    and only if asked for the pointwise kernels of towers and for both kernels of the last layers; with batch norm, its
    convolutions have a bias only with `force_use_bias`, even where batch norm does not shift.

    Raises UserError if the maps differ in their numbers of anchors.
    """
    if len(set(anchors_per_location)) > 1:
        raise UserError(
            "weight_shared_convolutional_box_predictor predicts the same number of anchors on every feature map, but "
            f"the anchor generator has {', '.join(map(str, anchors_per_location))}."
        )
    if keras:
        tower = replace(conv_hyperparams, bias=force_use_bias or conv_hyperparams.batch_norm is None)
    else:
        tower = replace(conv_hyperparams, activation=tf.nn.relu6)
    kernels = Kernels(variables, kernel_size, tower, tower)
    if use_depthwise:
        ignored = depthwise_of_keras(tower)
        pointwise = tower if apply_conv_hyperparams_pointwise or not keras else ignored
        last = tower if apply_conv_hyperparams_to_heads or not keras else ignored
        kernels = Kernels(variables, kernel_size, pointwise, last, tower, last)
    widths = list(channels.values())
    # The commonest; of equally common ones, that which comes first in a set, as in the OD API.
    width = max(set(widths), key=Counter(widths).__getitem__)
    projections = []
    if len(set(widths)) > 1:
        projections = [
            Convolution(variables, f"{SCOPE}/ProjectionLayer/conv2d_{number}", wide, width, tower.linear(), kernel=1)
            for number, wide in enumerate(widths)
        ]
    names = ["PredictionTower"] if share_prediction_tower else ["BoxPredictionTower", "ClassPredictionTower"]
    towers = [Tower(variables, name, kernels, width, depth, num_layers_before_predictor, len(widths)) for name in names]
    per_location, class_slots = anchors_per_location[0], num_classes + background
    wide = towers[0].channels
    return WeightSharedBoxPredictor(
        projections=projections,
        towers=towers,
        boxes=kernels.last("BoxPredictor", wide, per_location * box_code_size),
        classes=kernels.last("ClassPredictor", wide, per_location * class_slots, bias=class_prediction_bias_init),
        class_slots=class_slots,
        background=background,
        keep_probability=dropout_keep_probability if use_dropout else None,
        clip_range=all_maps.bounds(box_encodings_clip_range),
        sigmoid=score_converter == "SIGMOID",
        code_size=box_code_size,
        keras=keras,
    )
