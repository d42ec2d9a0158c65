"""Where TF2 checkpoints keep an SSD's variables: paths in the object graph of the OD API's Keras models.

A backbone's layers are numbered in the order in which they were made, batch norm counted. The extra maps, the towers
and the heads are lists of layers in which activations, paddings and dropout have a place, too.
"""

from collections.abc import Iterable

from boxwright.detector.build.extractors import SsdFeatureExtractor
from boxwright.detector.heads.convolutional import ConvolutionalBoxPredictor
from boxwright.detector.layers import Convolution

SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"
EXTRACTOR = "model/_feature_extractor"
BACKBONE = f"{EXTRACTOR}/classification_backbone/layer_with_weights-"
PREDICTOR = "model/_box_predictor"
# A convolution, its batch norm (or a layer that does nothing) and its activation.
PLACES = 3


def keys(extractor: SsdFeatureExtractor, predictor: ConvolutionalBoxPredictor) -> dict[str, str]:
    """The key of every variable, by checkpoint name."""
    found: dict[str, str] = {}
    place = 0
    for layer in extractor.base.layers():
        found |= _variables(layer, f"{BACKBONE}{place}", f"{BACKBONE}{place + 1}")
        place += 1 if layer.normalizer is None else 2
    for index, step in enumerate(extractor.extra.steps, len(extractor.kind.end_points)):
        found |= _sequence(f"{EXTRACTOR}/{extractor.kind.extra_maps}/convolutions/{index}", step)
    for index, tower in enumerate(predictor.towers):
        found |= _sequence(f"{PREDICTOR}/_shared_nets/{index}", tower)
    heads = f"{PREDICTOR}/_prediction_heads"
    for index, layers in enumerate(predictor.box_heads):
        found |= _sequence(f"{heads}/box_encodings/{index}/_box_encoder_layers", layers)
    dropout = int(predictor.keep_probability is not None)
    for index, layers in enumerate(predictor.class_heads):
        path = f"{heads}/class_predictions_with_background/{index}/_class_predictor_layers"
        found |= _sequence(path, layers, dropout)
    return found


def _sequence(path: str, layers: Iterable[Convolution], place: int = 0) -> dict[str, str]:
    """The keys of layers that follow each other in a list, the first at `place`."""
    found: dict[str, str] = {}
    for layer in layers:
        place += layer.padding == "EXPLICIT"
        found |= _variables(layer, f"{path}/{place}", f"{path}/{place + 1}")
        place += PLACES
    return found


def _variables(layer: Convolution, convolution: str, batch_norm: str) -> dict[str, str]:
    depthwise = layer.depthwise
    name = f"{layer.name}/{'depthwise_weights' if depthwise else 'weights'}"
    found = {name: f"{convolution}/{'depthwise_kernel' if depthwise else 'kernel'}{SUFFIX}"}
    if layer.biases is not None:
        found[f"{layer.name}/biases"] = f"{convolution}/bias{SUFFIX}"
    if layer.normalizer is None:
        return found
    parts = ("gamma", "beta", "moving_mean", "moving_variance")
    return found | {f"{layer.name}/BatchNorm/{part}": f"{batch_norm}/{part}{SUFFIX}" for part in parts}
