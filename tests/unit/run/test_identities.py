"""What makes results again, and what does not: the identities of an SSD's run, with the library changed in a copy."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from boxwright.catalog.forms import FORMS
from boxwright.dataset import demo

ROOT = Path(__file__).resolve().parents[3]
PRINT = Path(__file__).with_name("print_identities.py")

DATA = {"check_annotations", "split_dataset", "write_label_map", "write_records", "describe_dataset"}


class Copy:
    """A copy of the library and a small run of the SSD template, whose identities can be asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT / "workflow", folder / "workflow", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(ROOT / "config", folder / "config")
        self.library = folder / "workflow" / "boxwright"
        demo.draw(folder / "drawn", images=12, seed=1)
        config = {
            "dataset": {"images": "drawn/images", "annotations": "drawn/annotations"},
            "models": {
                "small": {
                    "pipeline": "config/pipelines/ssd_mobilenet_v1.config",
                    "num_steps": 4,
                    "checkpoint_every": 2,
                    "early_stopping": {"patience": 1},
                }
            },
        }
        (folder / "my.yaml").write_text(yaml.safe_dump(config))
        self.before = self.ask()

    def ask(self) -> dict:
        command = [sys.executable, str(PRINT), str(self.folder / "workflow"), "my.yaml"]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def changed(self) -> set[str]:
        """The rules whose identity is another one than before any change."""
        now = self.ask()
        assert now["identities"].keys() >= self.before["identities"].keys()
        old = self.before["identities"]
        return {rule for rule in old if now["identities"][rule] != old[rule]}

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.library / path
        text = file.read_text()
        assert old in text, path
        file.write_text(text.replace(old, new, 1))

    def add(self, path: str, text: str) -> None:
        file = self.library / path
        file.write_text((file.read_text() if file.exists() else "") + text)


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Copy:
    return Copy(tmp_path_factory.mktemp("original"))


@pytest.fixture
def copy(original, tmp_path) -> Copy:
    shutil.copytree(original.folder, tmp_path / "copy", symlinks=True)
    copied = object.__new__(Copy)
    copied.folder, copied.library = tmp_path / "copy", tmp_path / "copy" / "workflow" / "boxwright"
    copied.before = copied.ask()  # copied files are other files, which are read once more
    assert copied.before["identities"] == original.before["identities"]
    return copied


def test_what_is_new_beside_a_run_changes_nothing_of_it(copy):
    """All at once, so that one run of the copy tells: a word, a comment, and one more of each kind of thing."""
    copy.edit("console/progress.py", "Done in ", "Ready in ")
    copy.add("core/wording.py", '\n\ndef both(one: str, other: str) -> str:\n    return f"{one} and {other}"\n')
    copy.add("training/step.py", "\n# A comment.\n")
    rows = copy.library / "catalog/extractors"
    (rows / "ssd.py").rename(rows / "one_stage.py")
    copy.edit("catalog/extractors/__init__.py", "faster_rcnn, ssd", "faster_rcnn, one_stage as ssd")
    copy.add(
        "catalog/extractors/__init__.py",
        "\nEXTRACTORS['faster_rcnn_toy'] = EXTRACTORS['faster_rcnn_resnet50']._replace(type='faster_rcnn_toy')\n",
    )
    copy.edit("catalog/messages/faster_rcnn.py", "Range(1, 100)", "Range(1, 99)")
    toy = '"""A toy."""\n\n\ndef make():\n    return None\n'
    for place in (
        "training/augmentations/random_toy.py",
        "training/optimizers/toy_optimizer.py",
        "boxes/anchors/toy_anchor_generator.py",
        "boxes/coders/toy_box_coder.py",
        "boxes/matchers/toy_matcher.py",
        "boxes/losses/weighted_toy.py",
        "detector/resizers/toy_resizer.py",
        "detector/backbones/toy.py",
        "detector/necks/toy.py",
        "detector/heads/toy.py",
        "detector/families/toy.py",
        "detector/build/toy.py",
        "dataset/formats/toy.py",
        "export/forms/toy.py",
        "runtimes/toy.py",
    ):
        copy.add(place, toy)
    copy.add("catalog/formats.py", '\nFORMATS += (Format("Toy", "boxwright.dataset.formats.toy", (".toy",)),)\n')
    copy.add("catalog/forms.py", '\nFORMS += (Form("toy", "toy", "detector.toy", ("detector.toy",)),)\n')
    assert copy.changed() == set()
    assert copy.ask()["read"] == copy.before["read"], "no annotation file is read again"


# The rules that each form has.
OF_FORMS = ("export_form", "measure_form", "test_form", "bundle_form")
# Those of a further checkpoint.
OF_FURTHER = ("export_form-100", "measure_form-100", "bundle_form-100")
# What follows from a training of another kind, and what is drawn of it.
FROM_TRAINING = {
    "train_segment",
    "collect_training_log",
    "evaluate_checkpoint",
    "judge_progress",
    "measure_without_near_duplicates",
    "thin_checkpoints",
    "choose_checkpoint",
    "measure_optimism",
    "export_detector",
    "export_detector-100",
    "compare_forms",
    "compare_forms-100",
    "time_models",
    "predict_images",
    "draw_model",
    "compare_models",
    *(f"{rule} {form.name}" for rule in OF_FORMS + OF_FURTHER for form in FORMS),
}


@pytest.mark.parametrize(
    ("path", "old", "new", "rules"),
    [
        ("detector/backbones/mobilenet_v1.py", "(2, 1024)", "(2, 1000)", FROM_TRAINING),
        ("boxes/losses/weighted_sigmoid.py", "def make(", "OTHER = 1\n\n\ndef make(", FROM_TRAINING),
        (
            "training/augmentations/ssd_random_crop.py",
            "def make(",
            "OTHER = 1\n\n\ndef make(",
            FROM_TRAINING | {"preview_training"},
        ),
    ],
    ids=["backbone", "loss", "crop"],
)
def test_what_a_run_uses_changes_the_rules_that_use_it_and_what_follows(copy, path, old, new, rules):
    copy.edit(path, old, new)
    assert copy.changed() == rules


def test_what_only_measures_times_trains_and_evaluates_nothing_again(copy):
    copy.add("export/timing.py", "\nOTHER = 1\n")
    changed = copy.changed()
    assert {"time_models", "export_form frozen_graph", "measure_form frozen_graph"} <= changed
    trained = {"train_segment", "evaluate_checkpoint", "choose_checkpoint", "draw_model", "preview_training"}
    assert changed.isdisjoint(trained | DATA)


def test_models_are_timed_together_where_there_are_several(copy):
    """One more model changes the comparison and nothing of the model that is there."""
    path = copy.folder / "my.yaml"
    config = yaml.safe_load(path.read_text())
    config["models"]["twin"] = config["models"]["small"] | {"seed": 3}
    path.write_text(yaml.safe_dump(config))
    assert copy.changed() == {"time_models", "compare_models", "measure_optimism"}
    both = copy.ask()["identities"]
    assert "times" in both["compare_models"] and "times" not in copy.before["identities"]["compare_models"]


def test_the_reader_of_a_format_in_use_reads_its_files_again(copy):
    copy.add("dataset/formats/voc.py", "\nOTHER = 1\n")
    assert copy.ask()["read"] != copy.before["read"]


def test_a_test_side_changes_what_is_measured_and_never_the_training(copy):
    """Without one nothing changes, whatever its settings are; one that is added comes out of the evaluation images."""
    path = copy.folder / "my.yaml"
    config = yaml.safe_load(path.read_text())
    config["dataset"]["shards"] = {"test": 3}
    config["dataset"]["split"] = {"test": None, "test_fraction": None}
    path.write_text(yaml.safe_dump(config))
    assert copy.changed() == set()
    for split in ({"eval_fraction": 0.4}, {"eval_fraction": 0.4, "test_fraction": 0.2}):
        config["dataset"]["split"] = split
        path.write_text(yaml.safe_dump(config))
        if "test_fraction" not in split:
            copy.before = copy.ask()
    trained = {"train_segment", "collect_training_log", "configure_pipeline", "preview_training", "write_label_map"}
    changed = copy.changed()
    assert "evaluate_checkpoint" in changed and changed.isdisjoint(trained)
