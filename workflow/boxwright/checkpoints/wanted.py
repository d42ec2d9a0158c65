"""Which variables of a detector are taken from a checkpoint, and under which names: the OD API's rules."""

import re
from collections.abc import Iterable, Mapping, Sequence

# Where a classifier's object graph has its layers.
_CLASSIFIER = "feature_extractor/layer_with_weights-"
# Where the object graphs of detectors have that network, or the parts of it that the two stages of Faster R-CNN use.
_WHOLE = re.compile(
    "^model/_feature_extractor/(?:classification_backbone|_base_model|_efficientnet)/layer_with_weights-"
)
_FIRST = re.compile(r"^model/_feature_extractor_for_proposal_features/layer_with_weights-(\d+)")
_SECOND = re.compile(r"^model/_feature_extractor_for_box_classifier_features/layer_with_weights-(\d+)")

# If a smaller share of the wanted parameters fits, the checkpoint is from another model, which is a mistake. A
# classifier's checkpoint fills about half of an SSD's feature extractor, one with another backbone fills nothing.
LEAST_SHARE = 1 / 3


def wanted(
    names: Iterable[str],
    scopes: Sequence[str],
    classifier_names: Mapping[str, str],
    keys: Mapping[str, str] | None,
    checkpoint_type: str,
    load_all: bool,
) -> dict[str, str]:
    """The names in the checkpoint of the variables that it is asked for, by the detector's names.

    names: of all variables. scopes: the prefixes of the feature extractor's. classifier_names: prefixes of names that a
    classifier's checkpoint of TF1 has another prefix for, with that one; all others lack their scope there. keys: the
    keys in an object graph by name if the checkpoint has one, else None. checkpoint_type: one of `restore.TYPES`.
    load_all: whether "detection" stands for all variables, and not for the feature extractor's alone.
    """
    everything = checkpoint_type == "full" or (checkpoint_type in ("detection", "fine_tune") and load_all)
    scope_of = {name: scope for name in names for scope in scopes if name.startswith(f"{scope}/")}
    if keys is not None:
        asked = {name: key for name, key in keys.items() if everything or name in scope_of}
        return _in_classifier(asked) if checkpoint_type == "classification" else asked
    if everything:
        return {name: name for name in names}
    if checkpoint_type == "classification":
        prefixes = {f"{scope}/": "" for scope in scopes} | dict(classifier_names)
        return {name: _renamed(name, prefixes) for name in scope_of}
    return {name: name for name in scope_of}


def _renamed(name: str, prefixes: Mapping[str, str]) -> str:
    """The name with the longest prefix that it has replaced by the one that stands for it."""
    prefix = max(filter(name.startswith, prefixes), key=len)
    return prefixes[prefix] + name.removeprefix(prefix)


def _in_classifier(keys: Mapping[str, str]) -> dict[str, str]:
    """The keys of a detector's backbone as they are in a classifier's object graph; other keys stay.

    The layers of the second stage of Faster R-CNN follow those of the first there.
    """
    first = [int(found[1]) for key in keys.values() if (found := _FIRST.match(key))]
    after = max(first, default=-1) + 1
    keys = {name: _FIRST.sub(rf"{_CLASSIFIER}\1", key) for name, key in keys.items()}
    keys = {name: _SECOND.sub(lambda at: f"{_CLASSIFIER}{after + int(at[1])}", key) for name, key in keys.items()}
    return {name: _WHOLE.sub(_CLASSIFIER, key) for name, key in keys.items()}
