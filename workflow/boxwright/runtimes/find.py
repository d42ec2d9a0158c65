"""Find the exported detector that a path names, with what lies beside it, and load it with its own runtime."""

import importlib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from boxwright.catalog import forms
from boxwright.catalog.forms import Form
from boxwright.console import progress
from boxwright.core.errors import UserError
from boxwright.core.wording import a, either
from boxwright.dataset import label_map
from boxwright.runtimes import Detect

# Without these there is nothing to measure; what else a form gives is not needed.
_NEEDED = ("detection_boxes", "detection_scores", "detection_classes")
# These have a column for each class.
_BY_CLASS = ("raw_detection_scores", "detection_multiclass_scores")
# The size of the image that a detector is tried on.
_TRIED = 64


class ExportedDetector(NamedTuple):
    """One form of a detector: what its runtime opens, its label map, and its pipeline.config, None if there is none."""

    form: Form
    path: Path
    label_map: Path
    pipeline: Path | None

    def load(self) -> Detect:
        """The detector, ready to call, after it was tried once.

        Raises UserError if its runtime cannot load or run it, or if it does not answer as a detector of the OD API.
        """
        try:
            detect = importlib.import_module(self.form.runtime).load(self.path)
            found = detect(np.zeros((1, _TRIED, _TRIED, 3), np.uint8))
        except UserError:
            raise
        except Exception as error:  # whatever a runtime says about a file that is not what its name says
            raise UserError(f"{self.path} does not run as {a(self.form.title)}: {_reason(error)}") from error
        lacking = [name for name in _NEEDED if name not in found]
        if lacking:
            raise UserError(
                f"{self.path} is no detector: it lacks the outputs {', '.join(lacking)} "
                f"(it has: {', '.join(found) or 'none that the OD API names'})."
            )
        if not self.labels:
            self._compare_with_label_map(found)
        return detect

    @property
    def labels(self) -> list[str]:
        """The names of the classes from 1 on that a TFLite file itself holds; none in other files."""
        if self.path.suffix != ".tflite" or not zipfile.is_zipfile(self.path):
            return []
        with zipfile.ZipFile(self.path) as archive:
            if forms.LABELS not in archive.namelist():
                return []
            return archive.read(forms.LABELS).decode(errors="replace").splitlines()

    @property
    def has_foreign_label_map(self) -> bool:
        """Whether the names that the detector's file holds are not those of the label map beside it."""
        labels = self.labels
        return bool(labels) and label_map.labels(self.label_map).splitlines() != labels

    def names(self) -> dict[int, str]:
        """The name of each class that is shown, by its id: those in the file itself count, and then the label map's."""
        if not self.has_foreign_label_map:
            return label_map.shown(self.label_map)
        return {number: name for number, name in enumerate(self.labels, start=1) if name != label_map.NO_CLASS}

    def _compare_with_label_map(self, found: Mapping[str, np.ndarray]) -> None:
        """Raise UserError if the label map has classes that the detector has not; warn where it has fewer.

        Fewer may be meant: people have trained a few classes without changing the number in the configuration.
        """
        scores = next((found[name] for name in _BY_CLASS if name in found), None)
        if scores is None:
            return
        columns, last = scores.shape[-1], max(label_map.shown(self.label_map))
        told = (
            f"the last class of {self.label_map} has the number {last}, and {self.path} has {columns} scores for each "
            "box (with or without one for the background)"
        )
        if last > columns:
            raise UserError(f"This is the label map of another detector: {told}. Put the detector's own there.")
        if last < columns - 1:
            progress.warn(f"Compare the label map with the detector's: {told}.")


# Where detectors lie below the folder of a model, of models or of results, and how many are named.
_ABOVE = ("", "*/", "models/*/")
_MOST = 5


def find(path: str | Path) -> ExportedDetector:
    """The detector in a folder (the first in `forms.FORMS` that detects), or the form that a path in it names.

    The path of a checkpoint may be its prefix. A single file may also have another name with the ending of its form.
    Raises UserError if there is no such path, no detector in it, or no label map beside it.
    """
    path = Path(path)
    form, opened, folder = _form(path) or _refuse(path)
    found = label_map.beside(folder)
    if found is None and (several := label_map.several(folder)):
        raise UserError(
            f"Beside the detector lie label maps that differ: {', '.join(str(one) for one in several)}. Keep the "
            f"detector's own, as {forms.LABEL_MAP}."
        )
    if found is None:
        raise UserError(
            f"There is no label map beside the detector, in {folder}: it says which class has which number. Put it "
            f"there, as {forms.LABEL_MAP}."
        )
    pipeline = folder / forms.PIPELINE
    return ExportedDetector(form, opened, found, pipeline if pipeline.is_file() else None)


def _form(path: Path) -> tuple[Form, Path, Path] | None:
    """The form at a path, what its runtime opens, and the folder that holds it."""
    for form in forms.FORMS:
        for name in dict.fromkeys((form.path, *_names(form), Path(form.path).parts[0])):
            parts = Path(name).parts
            if path.parts[-len(parts) :] == parts and whole(form, folder := path.parents[len(parts) - 1]):
                return form, folder / form.path, folder
    for form in forms.FORMS:
        if form.detects and whole(form, path):
            return form, path / form.path, path
    if path.is_file() and path.suffix:
        # A folder may have another name too, and of forms with one ending, one may have this name.
        for form in sorted(forms.FORMS, key=lambda form: Path(form.path).name != path.name):
            files = [path.with_suffix(Path(name).suffix) for name in form.files]
            if form.made_from and path.suffix == Path(form.path).suffix and all(one.is_file() for one in files):
                return form, path, path.parent
    return None


def _reason(error: Exception) -> str:
    """What a runtime says first about a file; OpenVINO says first in which of its own files, and the reason last."""
    said = str(error).strip().splitlines() or [type(error).__name__]
    return said[-1 if said[0].startswith(("Exception from", "Check '")) else 0]


def _names(form: Form) -> list[str]:
    return [name.rstrip("/") for name in form.files]


def whole(form: Form, folder: Path) -> bool:
    """Whether a folder holds all files of a form."""
    return all((folder / name).is_dir() if name.endswith("/") else (folder / name).is_file() for name in form.files)


def _refuse(path: Path) -> tuple[Form, Path, Path]:
    """Raise UserError about a path that is no detector."""
    if not path.exists():
        raise UserError(f"There is no file or folder {path} (relative paths start at {Path.cwd()}).")
    known = ", ".join(form.path for form in forms.FORMS)
    if path.is_file():
        raise UserError(f"{path} is not a file of an exported detector; these are: {known}.")
    inside = [one for pattern in _ABOVE for one in sorted(path.glob(f"{pattern}{forms.FOLDER}*")) if _form(one)]
    hint = f" Did you mean {either([str(one) for one in inside[:_MOST]])}?" if inside else ""
    raise UserError(f"The folder {path} holds no exported detector, none of: {known}.{hint}")
