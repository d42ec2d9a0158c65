"""Where TF2 checkpoints keep variables: paths in the object graph of the OD API's Keras models.

The layers of a backbone, batch norm included, are numbered in the order of creation. Necks, towers and heads are lists
of layers, in which activations, paddings and dropout also take a place.
"""

from collections.abc import Iterable

from boxwright.detector.layers import Convolution

SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"
EXTRACTOR = "model/_feature_extractor"
BACKBONE = f"{EXTRACTOR}/classification_backbone/layer_with_weights-"
PREDICTOR = "model/_box_predictor"
# A convolution, its batch norm (or a layer that does nothing) and its activation.
PLACES = 3


def numbered(path: str, layers: Iterable[Convolution], place: int = 0) -> dict[str, str]:
    """The keys of the layers' variables by name, numbered in the layers' order from `place` on.

    `path` comes before the number.
    """
    found: dict[str, str] = {}
    for layer in layers:
        found |= _variables(layer, f"{path}{place}", f"{path}{place + 1}")
        place += places([layer])
    return found


def places(layers: Iterable[Convolution]) -> int:
    """How many numbers `numbered` gives to the layers: a batch norm has one of its own."""
    return sum(1 if layer.normalizer is None else 2 for layer in layers)


def listed(path: str, layers: Iterable[Convolution], place: int = 0) -> dict[str, str]:
    """The keys of the layers' variables by name; the layers are consecutive in the list `path`, from `place` on."""
    found: dict[str, str] = {}
    for layer in layers:
        place += layer.padding == "EXPLICIT"
        found |= _variables(layer, f"{path}/{place}", f"{path}/{place + 1}")
        place += PLACES
    return found


def separable(path: str, depthwise: Convolution, pointwise: Convolution, place: int = 0) -> dict[str, str]:
    """The keys of a depthwise and a pointwise convolution, which are one layer in Keras, and of their batch norm."""
    found = numbered(path, [pointwise], place)
    found[f"{pointwise.name}/weights"] = f"{path}{place}/pointwise_kernel{SUFFIX}"
    return found | {f"{depthwise.name}/depthwise_weights": f"{path}{place}/depthwise_kernel{SUFFIX}"}


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
