"""Which parts of a predictor belong to which class, to keep them by name when the classes change."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np


class ClassColumns(NamedTuple):
    """How the last axis of a variable holds something for each class: [groups, background and classes, `each`].

    background: whether the first of the classes is the background, which has no name.
    each: how many numbers a class has: 1 for a score, 4 for a box.
    """

    background: bool
    each: int = 1


def moved(
    old: np.ndarray,
    new: np.ndarray,
    columns: ClassColumns,
    *,
    num_classes: int,
    old_ids: Mapping[str, int],
    new_ids: Mapping[str, int],
) -> tuple[np.ndarray, list[str]] | None:
    """`new` with the parts of `old` for each class that both label maps name (and for the background).

    old, new: the value of a variable in the checkpoint and in the model; they agree but in the last axis.
    columns, num_classes: of the model. old_ids, new_ids: label maps, name to id from 1.

    Returns the value and the classes that were kept; None if the two do not have as many groups.
    """
    first = int(columns.background)
    slots = num_classes + first
    groups = new.shape[-1] // (slots * columns.each)
    if new.shape[-1] != groups * slots * columns.each or old.shape[-1] % (groups * columns.each):
        return None
    before = old.reshape(*old.shape[:-1], groups, -1, columns.each)
    after = new.reshape(*new.shape[:-1], groups, slots, columns.each).copy()
    if columns.background:
        after[..., 0, :] = before[..., 0, :]
    kept = []
    for label, new_id in new_ids.items():
        source, target = old_ids.get(label, 0) - 1 + first, new_id - 1 + first
        if label in old_ids and source < before.shape[-2] and target < slots:
            after[..., target, :] = before[..., source, :]
            kept.append(label)
    return after.reshape(new.shape), kept
