"""Where TF2 checkpoints keep variables: paths in the object graph of the OD API's Keras models.

The layers of a backbone, batch norm included, are numbered as `numbered` says. Necks, towers and heads are lists
of layers, in which activations, paddings and dropout also take a place.
"""

from collections.abc import Iterable, Sequence

from boxwright.detector.layers import Convolution, Normalizer

SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"
EXTRACTOR = "model/_feature_extractor"
BACKBONE = f"{EXTRACTOR}/classification_backbone/layer_with_weights-"
# The backbone's layers in the two stages of a Faster R-CNN.
FIRST_STAGE = "model/_feature_extractor_for_proposal_features/layer_with_weights-"
SECOND_STAGE = "model/_feature_extractor_for_box_classifier_features/layer_with_weights-"
PREDICTOR = "model/_box_predictor"
# Layers in a row, in each of several branches from one tensor to another.
Branches = Sequence[Sequence[Convolution]]
# A convolution, its batch norm (or a layer that does nothing) and its activation.
PLACES = 3


def numbered(path: str, layers: Iterable[Convolution | Branches]) -> dict[str, str]:
    """The keys of the layers' variables by name, numbered in the layers' order; `path` comes before the number.

    Keras numbers the layers of branches by their distance from the end that the branches share, the farthest first, and
    those at one distance in the order of the branches.
    """
    found: dict[str, str] = {}
    place = 0
    for item in layers:
        branches = [[item]] if isinstance(item, Convolution) else item
        for distance in range(max(map(len, branches)), 0, -1):
            abreast = [branch[-distance] for branch in branches if len(branch) >= distance]
            for layer in abreast:
                found |= convolution(layer, f"{path}{place}")
                place += 1
            for layer in abreast:
                if layer.normalizer is not None:
                    found |= batch_norm(layer.normalizer, f"{path}{place}")
                    place += 1
    return found


def listed(path: str, layers: Iterable[Convolution], place: int = 0) -> dict[str, str]:
    """The keys of the layers' variables by name; the layers are consecutive in the list `path`, from `place` on."""
    found: dict[str, str] = {}
    for layer in layers:
        place += layer.padding == "EXPLICIT"
        found |= _variables(layer, f"{path}/{place}", f"{path}/{place + 1}")
        place += PLACES
    return found


def convolution(layer: Convolution, path: str) -> dict[str, str]:
    """The keys of a convolution's kernels and biases by name; it lies at `path`."""
    found = {f"{layer.name}/{name}": f"{path}/{key}{SUFFIX}" for name, key in layer.kernels.items()}
    return found if layer.biases is None else found | {f"{layer.name}/biases": f"{path}/bias{SUFFIX}"}


def batch_norm(normalizer: Normalizer, path: str) -> dict[str, str]:
    """The keys of the variables of a batch norm by name; it lies at `path`."""
    return {name: f"{path}/{name.rsplit('/', 1)[-1]}{SUFFIX}" for name in normalizer.names}


def _variables(layer: Convolution, path: str, batch_norm_path: str) -> dict[str, str]:
    found = convolution(layer, path)
    return found if layer.normalizer is None else found | batch_norm(layer.normalizer, batch_norm_path)
