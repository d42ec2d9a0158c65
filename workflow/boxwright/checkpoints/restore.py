"""Start weights: what a checkpoint gives to a detector, by the OD API's rules, and a full account of it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from boxwright.checkpoints import class_rows
from boxwright.checkpoints.checkpoint_files import Reader, read
from boxwright.checkpoints.checkpoint_index import kind_of
from boxwright.core.errors import UserError
from boxwright.core.wording import few

TYPES = ("detection", "classification", "full")

# Less of the wanted parameters than this, and the checkpoint is of another model: a mistake, not a start. A classifier
# fills about half of an SSD's feature extractor, another backbone nothing.
LEAST_SHARE = 1 / 3


class Restorable(Protocol):
    """What is asked of a detector; its own protocol says what each of these is."""

    num_classes: int
    backbone_scopes: Sequence[str]

    @property
    def variables(self) -> Mapping[str, Any]: ...

    def class_columns(self) -> Mapping[str, class_rows.ClassColumns]: ...

    def object_graph_keys(self) -> Mapping[str, str]: ...


@dataclass
class RestoreReport:
    """What became of each variable of a detector. Names are the detector's.

    restored: taken from the checkpoint whole. partly: name to the classes whose parts were taken. new: not in the
    checkpoint (or not asked for), so left at the first values. shape_differs: name to the two shapes, checkpoint's
    first; left at the first values. sizes: parameters of every variable.
    """

    source: str
    sizes: dict[str, int]
    restored: list[str] = field(default_factory=list)
    partly: dict[str, list[str]] = field(default_factory=dict)
    new: list[str] = field(default_factory=list)
    shape_differs: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """Share of the detector's parameters that were restored, variables that were taken partly left out."""
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
        return text

    def table(self) -> str:
        """One line per variable: name, parameters, what became of it."""
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

    checkpoint_type: "detection": the feature extractor's variables by name, with `load_all` every variable that is
        there in the same shape; "classification": the feature extractor's, whose names in the checkpoint lack its
        scope; "full": every variable, and it is an error if one is missing.
    old_label_map, new_label_map: name to id (from 1) of the checkpoint's classes and of the detector's. With both, and
        where class predictors are restored at all, a class that both name keeps its part of them.

    Nothing is assigned unless all goes well. Raises UserError where the file is missing or damaged, the type is
    unknown, or too little fits: that is the sign of another feature extractor or width.
    """
    if checkpoint_type not in TYPES:
        raise UserError(
            f"train_config.fine_tune_checkpoint_type is {checkpoint_type!r}, which is not supported. Supported: "
            f"{', '.join(TYPES)}."
        )
    reader = read(source)
    wanted = _wanted(detector, reader, checkpoint_type, load_all)
    report = RestoreReport(reader.source, {name: int(np.prod(v.shape)) for name, v in detector.variables.items()})
    values: dict[str, np.ndarray] = {}
    relabel = old_label_map is not None and new_label_map is not None
    columns = detector.class_columns() if relabel else {}
    for name, variable in detector.variables.items():
        shape, key = tuple(variable.shape), wanted.get(name)
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
    _check(report, wanted, reader, checkpoint_type)
    for name, value in values.items():
        detector.variables[name].assign(value)
    return report


def _wanted(detector: Restorable, reader: Reader, checkpoint_type: str, load_all: bool) -> dict[str, str]:
    """The variables to restore and their names in the checkpoint."""
    everything = checkpoint_type == "full" or (checkpoint_type == "detection" and load_all)
    scopes = {name: scope for name in detector.variables for scope in detector.backbone_scopes if _in(name, scope)}
    if reader.object_graph:
        keys = detector.object_graph_keys()
        if not keys:
            raise UserError(
                f"{reader.source} is a TF2 checkpoint (an object graph), and this model has no names for it. Use a "
                "TF1 checkpoint of the same model."
            )
        keys = {name: key for name, key in keys.items() if everything or name in scopes}
        if checkpoint_type == "classification":
            backbone = "model/_feature_extractor/classification_backbone/"
            keys = {name: key.replace(backbone, "feature_extractor/") for name, key in keys.items()}
        return keys
    if everything:
        return {name: name for name in detector.variables}
    if checkpoint_type == "classification":
        return {name: name.removeprefix(f"{scope}/") for name, scope in scopes.items()}
    return {name: name for name in scopes}


def _in(name: str, scope: str) -> bool:
    return name.startswith(f"{scope}/")


def _check(report: RestoreReport, wanted: Mapping[str, str], reader: Reader, checkpoint_type: str) -> None:
    """Raise UserError if less fits than a start needs."""
    size = sum(report.sizes[name] for name in wanted)
    fits = sum(report.sizes[name] for name in [*report.restored, *report.partly])
    missing = [wanted[name] for name in report.new if name in wanted]
    incomplete = checkpoint_type == "full" and (missing or report.shape_differs)
    if not incomplete and fits >= LEAST_SHARE * size:
        return
    share = fits / max(size, 1)
    text = f"{reader.source} does not fit this model as a {checkpoint_type} checkpoint: {share:.1%} of the wanted "
    text += f"parameters are there in the right shape ({'all' if incomplete else f'{LEAST_SHARE:.0%}'} must be)."
    if missing:
        text += f" Wanted, and not there: {few(missing)}."
        text += f" The checkpoint holds {', '.join(_scopes(reader.shapes))}."
    if report.shape_differs:
        name, (old, new) = next(iter(report.shape_differs.items()))
        text += f" Of another shape: {few(list(report.shape_differs))}; {name} is {old} there and {new} here."
        text += " Compare depth_multiplier and num_classes." if len(report.shape_differs) > 1 else ""
    kind = kind_of(reader.shapes)
    if kind and checkpoint_type == "classification" != kind:
        text += f" By its names it is a {kind} checkpoint: set fine_tune_checkpoint_type to {kind!r}."
    elif missing and not report.restored:
        text += " Is it of another feature extractor?"
    raise UserError(text)


def _scopes(shapes: Iterable[str]) -> list[str]:
    """The beginnings of the names in a checkpoint, enough to see what it is of: the largest groups first."""
    groups = Counter("/".join(name.split("/")[:2]) + "/..." for name in shapes if name.count("/") > 1)
    return [group for group, _ in groups.most_common(4)]
