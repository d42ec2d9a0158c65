"""Loading a detector's start weights from a checkpoint by the OD API's rules, with a full report."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from boxwright.checkpoints import class_rows
from boxwright.checkpoints.checkpoint_files import Reader, read
from boxwright.checkpoints.checkpoint_index import kind_of
from boxwright.checkpoints.wanted import LEAST_SHARE, wanted
from boxwright.core.errors import UserError
from boxwright.core.wording import few

TYPES = ("detection", "classification", "full", "fine_tune")


class Restorable(Protocol):
    """The part of a detector that restoring needs; the detector's own protocol documents it."""

    num_classes: int
    backbone_scopes: Sequence[str]
    classifier_names: Mapping[str, str]

    @property
    def variables(self) -> Mapping[str, Any]: ...

    def class_columns(self) -> Mapping[str, class_rows.ClassColumns]: ...

    def object_graph_keys(self) -> Mapping[str, str]: ...


@dataclass
class RestoreReport:
    """What happened to each variable of a detector. Names are the detector's.

    restored: taken completely from the checkpoint. partly: name to the classes whose parts were taken. new: not in the
    checkpoint or not requested, so it keeps its initial value. shape_differs: name to the two shapes, the checkpoint's
    first; it keeps its initial value. skipped: the checkpoint's names of weights that the detector has no variable for,
    such as those of masks, where all its weights were wanted. sizes: the number of parameters of every variable.
    """

    source: str
    sizes: dict[str, int]
    restored: list[str] = field(default_factory=list)
    partly: dict[str, list[str]] = field(default_factory=dict)
    new: list[str] = field(default_factory=list)
    shape_differs: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        """The share of the detector's parameters that were restored, not counting partly restored variables."""
        return sum(self.sizes[name] for name in self.restored) / max(sum(self.sizes.values()), 1)

    def __str__(self) -> str:
        text = f"{self.source}: restored {len(self.restored)} of {len(self.sizes)} variables, "
        text += f"{100 * self.share:.1f} % of parameters"
        if self.partly:
            kept = sorted({label for labels in self.partly.values() for label in labels})
            text += f"; kept in {len(self.partly)} by class name: {', '.join(kept) or 'the background alone'}"
        if self.new:
            text += f"; new: {few(self.new)}"
        if self.shape_differs:
            text += f"; shape differs: {few(list(self.shape_differs))}"
        if self.skipped:
            text += f"; skipped, as this model has no such weights: {few(self.skipped)}"
        return text

    def table(self) -> str:
        """One line per variable: its name, number of parameters, and what happened to it."""
        fates = dict.fromkeys(self.restored, "restored")
        fates |= {name: f"by class name: {', '.join(labels)}" for name, labels in self.partly.items()}
        fates |= dict.fromkeys(self.new, "new")
        fates |= {name: f"shape {old} in the checkpoint, {new} here" for name, (old, new) in self.shape_differs.items()}
        return "".join(f"{name}\t{size}\t{fates[name]}\n" for name, size in self.sizes.items())


def restore(
    detector: Restorable,
    source: str | Path,
    *,
    checkpoint_type: str = "detection",
    load_all: bool = False,
    old_label_map: Mapping[str, int] | None = None,
    new_label_map: Mapping[str, int] | None = None,
) -> RestoreReport:
    """Give `detector` its start weights from `source`: a checkpoint prefix, a folder with one, or a frozen graph (.pb).

    checkpoint_type: "detection" restores the feature extractor's variables by name, or with `load_all` every variable
        that the checkpoint has in the same shape; "classification" restores the feature extractor's variables, whose
        names in the checkpoint lack its scope; "full" restores every variable, and a missing one is an error;
        "fine_tune" is what the OD API's CenterNet once called "detection".
    old_label_map, new_label_map: name to id (from 1) of the checkpoint's and of the detector's classes. With both, if
        class predictors are restored at all, each class that both label maps name keeps its part of the predictors.

    Nothing is assigned if there is an error. Raises UserError if the file is missing or damaged, the type is unknown,
    or too little fits, which means that the checkpoint has another feature extractor or width.
    """
    if checkpoint_type not in TYPES:
        raise UserError(
            f"train_config.fine_tune_checkpoint_type is {checkpoint_type!r}, which is not supported. Supported: "
            f"{', '.join(TYPES)}."
        )
    reader = read(source)
    names = _wanted(detector, reader, checkpoint_type, load_all)
    report = RestoreReport(reader.source, {name: int(np.prod(v.shape)) for name, v in detector.variables.items()})
    if len(names) == len(detector.variables):
        report.skipped = _others(reader, set(names.values()))
    values: dict[str, np.ndarray] = {}
    relabel = old_label_map is not None and new_label_map is not None
    columns = detector.class_columns() if relabel else {}
    for name, variable in detector.variables.items():
        shape, key = tuple(variable.shape), names.get(name)
        if key not in reader.shapes:
            report.new.append(name)
            continue
        found = reader.shapes[key]
        if name in columns and found[:-1] == shape[:-1]:
            rows = class_rows.moved(
                reader.value(key),
                variable.numpy(),
                columns[name],
                num_classes=detector.num_classes,
                old_ids=old_label_map,
                new_ids=new_label_map,
            )
            if rows is not None:
                values[name], report.partly[name] = rows
                continue
        if found == shape:
            values[name] = reader.value(key)
            report.restored.append(name)
        else:
            report.shape_differs[name] = (found, shape)
    _check(report, names, reader, checkpoint_type)
    for name, value in values.items():
        detector.variables[name].assign(value)
    return report


def _wanted(detector: Restorable, reader: Reader, checkpoint_type: str, load_all: bool) -> dict[str, str]:
    """The variables to restore and their names in the checkpoint."""
    keys = detector.object_graph_keys() if reader.object_graph else None
    if reader.object_graph and not keys:
        raise UserError(
            f"{reader.source} is a TF2 checkpoint (an object graph), which this model cannot read. Use a TF1 "
            "checkpoint of the same model."
        )
    return wanted(
        detector.variables, detector.backbone_scopes, detector.classifier_names, keys, checkpoint_type, load_all
    )


def _others(reader: Reader, names: set[str]) -> list[str]:
    """The weights of the checkpoint that are not wanted, without the optimizer's slots, which lie below a weight."""
    shapes = reader.shapes
    weights = [name for name in shapes if (name.startswith("model/") if reader.object_graph else "/" in name)]
    return [
        name
        for name in weights
        if name not in names and name.rpartition("/")[0] not in shapes and ".OPTIMIZER_SLOT" not in name
    ]


def _check(report: RestoreReport, names: Mapping[str, str], reader: Reader, checkpoint_type: str) -> None:
    """Raise UserError if too little of the checkpoint fits."""
    size = sum(report.sizes[name] for name in names)
    fits = sum(report.sizes[name] for name in [*report.restored, *report.partly])
    missing = [names[name] for name in report.new if name in names]
    incomplete = checkpoint_type == "full" and (missing or report.shape_differs)
    if not incomplete and fits >= LEAST_SHARE * size:
        return
    share = fits / max(size, 1)
    text = f"{reader.source} does not fit this model as a {checkpoint_type} checkpoint: it has {share:.1%} of the "
    text += f"wanted parameters in the right shape, and needs {'all' if incomplete else f'at least {LEAST_SHARE:.0%}'}."
    if missing:
        text += f" Missing: {few(missing)}."
        text += f" The checkpoint holds {', '.join(_scopes(reader.shapes))}."
    if report.shape_differs:
        name, (old, new) = next(iter(report.shape_differs.items()))
        text += f" Of another shape: {few(list(report.shape_differs))}; "
        text += f"{name} is {old} in the checkpoint and {new} in the model."
        text += " Compare depth_multiplier and num_classes." if len(report.shape_differs) > 1 else ""
    kind = kind_of(reader.shapes)
    if kind and checkpoint_type == "classification" != kind:
        text += f" Its names are those of a {kind} checkpoint: set fine_tune_checkpoint_type to {kind!r}."
    elif missing and not report.restored:
        text += " Is it from another feature extractor?"
    raise UserError(text)


def _scopes(shapes: Iterable[str]) -> list[str]:
    """The commonest prefixes of the names in a checkpoint, most frequent first: they show which model it is from."""
    groups = Counter("/".join(name.split("/")[:2]) + "/..." for name in shapes if name.count("/") > 1)
    return [group for group, _ in groups.most_common(4)]
