"""Which parts of a class predictor belong to which class, to keep them by name when the classes change."""

import re
from collections.abc import Mapping

import numpy as np

# Predictors whose last axis holds something per class; the region proposals' own do not.
CLASS_PREDICTOR = re.compile(r"^(?!FirstStage).*ClassPredictor/(weights|biases)$")
BOX_PREDICTOR = re.compile(r"^SecondStageBoxPredictor/BoxEncodingPredictor/(weights|biases)$")
BOX_CODE_SIZE = 4


def moved(
    name: str,
    old: np.ndarray,
    new: np.ndarray,
    *,
    num_classes: int,
    background: bool,
    old_ids: Mapping[str, int],
    new_ids: Mapping[str, int],
) -> tuple[np.ndarray, list[str]] | None:
    """`new` with the parts of `old` for each class that both label maps name (and for the background).

    name: of the variable. old, new: its value in the checkpoint and in the model; they agree but in the last axis.
    num_classes, background: of the model: classes, and whether column 0 of a class predictor is the background.
    old_ids, new_ids: label maps, name to id from 1.

    Returns the value and the classes that were kept; None if the variable holds nothing per class.
    """
    if CLASS_PREDICTOR.match(name):
        slots = num_classes + background
        groups = new.shape[-1] // slots  # anchors of a cell
        if new.shape[-1] != groups * slots or old.shape[-1] % groups:
            return None
        first, before = int(background), old.reshape(*old.shape[:-1], groups, -1)
        after = new.reshape(*new.shape[:-1], groups, slots).copy()
        if background:
            after[..., 0] = before[..., 0]
    elif BOX_PREDICTOR.match(name) and new.shape[-1] == num_classes * BOX_CODE_SIZE and num_classes > 1:
        first = 0
        before = np.swapaxes(old.reshape(*old.shape[:-1], -1, BOX_CODE_SIZE), -1, -2)
        after = np.swapaxes(new.reshape(*new.shape[:-1], num_classes, BOX_CODE_SIZE), -1, -2).copy()
    else:
        return None
    kept = []
    for label, new_id in new_ids.items():
        source, target = old_ids.get(label, 0) - 1 + first, new_id - 1 + first
        if label in old_ids and source < before.shape[-1] and target < after.shape[-1]:
            after[..., target] = before[..., source]
            kept.append(label)
    if BOX_PREDICTOR.match(name):
        after = np.swapaxes(after, -1, -2)
    return np.ascontiguousarray(after).reshape(new.shape), kept
