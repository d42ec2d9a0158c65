"""The forms in which a detector is exported: their names, sources and files.

Rules, checks, the report and the comparison of models loop over `FORMS`. A form is one entry here and two modules:

- `boxwright.export.forms.<name>` writes the form: `write(source, target)`. `source` is the path of the form that it is
  made from; the detector's pipeline.config and label_map.pbtxt lie beside it. `target` is the form's own path, in an
  existing folder.
- `boxwright.runtimes.<name>` runs it: `load(path)` returns a function from images to detections (`runtimes.Detect`).
"""

from dataclasses import dataclass
from typing import Any

# The folder of a model's exported files, and the other names in it.
FOLDER = "fine_tuned_model"
PIPELINE = "pipeline.config"
LABEL_MAP = "label_map.pbtxt"
STATE = "checkpoint"
SUMMARY = "export.json"


@dataclass(frozen=True)
class Form:
    """A form of exported detectors.

    name: the name of its modules. title: its name in texts, as in "the frozen graph of raccoons". path: what its
    runtime opens, relative to `FOLDER`. files: all its files, relative to `FOLDER`; a folder ends in "/". made_from:
    the form whose files it is written from; None for the checkpoint, which is written from a training checkpoint.
    """

    name: str
    title: str
    path: str
    files: tuple[str, ...]
    made_from: str | None = "checkpoint"

    @property
    def module(self) -> str:
        """The module that writes the form."""
        return f"boxwright.export.forms.{self.name}"

    @property
    def runtime(self) -> str:
        """The module that loads and runs it. A checkpoint has no runtime: the engine itself runs it."""
        return f"boxwright.runtimes.{self.name}" if self.made_from else self.module

    def deciding(self) -> dict[str, Any]:
        """The parts of this entry that affect the form's files and its check."""
        return {"name": self.name, "path": self.path, "files": self.files, "made_from": self.made_from}


# The first one's figures on the test images are the report's headline.
FORMS = (
    Form("frozen_graph", "frozen graph", "frozen_inference_graph.pb", ("frozen_inference_graph.pb",)),
    Form("saved_model", "SavedModel", "saved_model", ("saved_model/",), made_from="frozen_graph"),
    Form(
        "checkpoint",
        "checkpoint",
        "model.ckpt",
        ("model.ckpt.index", "model.ckpt.data-00000-of-00001"),
        made_from=None,
    ),
)


def named(name: str) -> Form:
    """The form `name`. Raises KeyError if there is none."""
    return {form.name: form for form in FORMS}[name]


CHECKPOINT = named("checkpoint")
# The form that makes predictions. Its size and speed are reported as the detector's.
MAIN = named("frozen_graph")
