"""Where TF2 checkpoints keep variables: paths in the object graph of the OD API's Keras models.

The layers of a backbone, batch norm included, are numbered as `numbered` says. Necks, towers and heads are lists
of layers, in which activations, paddings and dropout also take a place.
"""

from collections.abc import Iterable, Iterator, Sequence

from boxwright.detector.layers import Convolution, Normalizer

SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"
EXTRACTOR = "model/_feature_extractor"
BACKBONE = f"{EXTRACTOR}/classification_backbone/layer_with_weights-"
# The backbone's layers in the two stages of a Faster R-CNN.
FIRST_STAGE = "model/_feature_extractor_for_proposal_features/layer_with_weights-"
SECOND_STAGE = "model/_feature_extractor_for_box_classifier_features/layer_with_weights-"
PREDICTOR = "model/_box_predictor"
# In a CenterNet: the backbone's layers, those of the neck, and the heads.
CENTER_BACKBONE = f"{EXTRACTOR}/_base_model/layer_with_weights-"
CENTER_NECK = f"{EXTRACTOR}/_feature_extractor_model/layer_with_weights-"
CENTER_HEADS = "model/_prediction_head_dict"
# Layers that `numbered` numbers: one after the other, those side by side in a tuple.
Layers = Iterable[Convolution | tuple[Convolution, ...]]
# A convolution, its batch norm (or a layer that does nothing) and its activation.
PLACES = 3


def numbered(path: str, layers: Layers, place: int = 0) -> dict[str, str]:
    """The keys of the layers' variables by name, numbered in the layers' order from `place` on.

    `path` comes before the number.
    """
    found: dict[str, str] = {}
    for number, one in enumerate(_with_numbers(layers), place):
        found |= (batch_norm if isinstance(one, Normalizer) else convolution)(one, f"{path}{number}")
    return found


def places(layers: Layers) -> int:
    """How many numbers `numbered` gives to the layers."""
    return sum(1 for _ in _with_numbers(layers))


def _with_numbers(layers: Layers) -> Iterator[Convolution | Normalizer]:
    """What has a number of its own, in order: of layers side by side the convolutions, then the batch norms."""
    for layer in layers:
        abreast = layer if isinstance(layer, tuple) else (layer,)
        yield from abreast
        yield from (one.normalizer for one in abreast if one.normalizer is not None)


def side_by_side(branches: Sequence[Sequence[Convolution]]) -> list[tuple[Convolution, ...]]:
    """The layers of branches from one tensor to another, as `numbered` takes them.

    Keras sorts them by their distance from the end that the branches share, the farthest first, and those at one
    distance in the order of the branches.
    """
    longest = max(map(len, branches))
    return [tuple(b[-distance] for b in branches if len(b) >= distance) for distance in range(longest, 0, -1)]


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
