"""What is certain to fail later is told before the first job."""

import io
import resource
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from tests.factories import DataSet, photo
from tests.workflow.conftest import small_model

from boxwright.catalog import forms
from boxwright.console.checksums import Checksums
from boxwright.core.errors import UserError
from boxwright.dataset.samples import Box
from boxwright.run import preflight, settings, start_weights
from boxwright.run.identities import Identities
from boxwright.run.plan import RunPlan


@pytest.fixture
def checked(tmp_path, monkeypatch):
    """A function that checks a run on lists: cats to learn from and to measure with, dogs to learn from only."""
    monkeypatch.chdir(tmp_path)
    data = DataSet(tmp_path / "data")
    data.sample("a.jpg", Box("cat", 8, 6, 20, 30), Box("dog", 1, 1, 20, 30))
    data.sample("b.jpg", Box("cat", 8, 6, 20, 30))
    (tmp_path / "train.txt").write_text("a.jpg\n")
    (tmp_path / "eval.txt").write_text("b.jpg\n")
    config = {
        "dataset": {
            "images": str(data.images),
            "annotations": str(data.annotations),
            "split": {"train": "train.txt", "eval": "eval.txt"},
        },
        "models": {"m": small_model()},
    }

    def planned(**changes):
        return RunPlan(config | changes, plan_data=True)

    def check(**changes):
        plan = planned(**changes)
        preflight.check(plan, Identities(plan))

    check.dataset, check.data, check.plan = config["dataset"], data, planned
    return check


@pytest.mark.parametrize(
    ("metric", "why"),
    [
        ("DetectionBoxes_PerformanceByCategory/mAP/dog", "no evaluation image has a box of class 'dog'"),
        ("PascalBoxes_PerformanceByCategory/AP@0.5IOU/dog", "no evaluation image has a box of class 'dog'"),
        ("DetectionBoxes_Precision/mAP (large)", "no evaluation image has a large box"),
        ("DetectionBoxes_Recall/AR@100 (medium)", "no evaluation image has a medium box"),
    ],
)
def test_a_metric_that_will_be_undefined(checked, metric, why):
    with pytest.raises(UserError) as caught:
        checked(export={"metric": metric})
    assert f"`export.metric` is {metric}, which will be undefined: {why}" in str(caught.value)
    assert "`dataset.split`" in str(caught.value)
    checked(export={"metric": metric, "checkpoint": "last"})
    stopping = small_model(early_stopping={"patience": 1, "metric": metric})
    with pytest.raises(UserError, match=r"`models\.m\.early_stopping\.metric` is .*, which will be undefined"):
        checked(models={"m": stopping})


@pytest.mark.parametrize("stopped", [False, True])
def test_what_is_about_the_training_is_not_repeated_once_that_is_finished(checked, capsys, stopped):
    models = {"m": small_model(num_steps=8, checkpoint_every=2, early_stopping={"patience": 1} if stopped else None)}
    plan = checked.plan(models=models)
    identities = Identities(plan)

    def told(plan=plan):
        capsys.readouterr()
        preflight.check(plan, Identities(plan))
        return capsys.readouterr().err

    def train(step):
        index = Path(plan.checkpoint("m", step)[0])
        index.parent.mkdir(parents=True, exist_ok=True)
        index.write_bytes(b"index")
        Checksums(plan.results).write([index], made_with={"identity": dict(identities.train_segment("m"))})

    assert "models.m: 8 steps are too few to learn well" in told()
    train(4)
    assert "models.m: 8 steps are too few to learn well" in told()
    if stopped:
        decision = Path(plan.results, "models/m/eval/2/decision.json")
        decision.parent.mkdir(parents=True)
        decision.write_text('{"go_on": false}')
    else:
        train(8)
    assert "models.m: 8 steps are too few to learn well" not in told()
    again = checked.plan(models={"m": models["m"] | {"seed": 7}})
    assert "models.m: 8 steps are too few to learn well" in told(again)


@pytest.mark.parametrize(
    "metric", ["DetectionBoxes_PerformanceByCategory/mAP/cat", "DetectionBoxes_Precision/mAP (small)"]
)
def test_a_metric_that_will_have_a_value(checked, metric):
    checked(export={"metric": metric})


def test_a_folder_to_predict_on_without_images(checked, tmp_path):
    (tmp_path / "holidays/more").mkdir(parents=True)
    (tmp_path / "holidays/notes.txt").write_text("none yet")
    with pytest.raises(UserError, match=r"`predict\.images` is holidays, which holds no image"):
        checked(predict={"images": "holidays"})
    (tmp_path / "holidays/a.jpg").mkdir()
    with pytest.raises(UserError, match="which holds no image"):
        checked(predict={"images": "holidays"})
    (tmp_path / "holidays/more/a.JPG").write_bytes(encoded(20, 10))
    checked(predict={"images": "holidays"})
    (tmp_path / "street").mkdir()
    (tmp_path / "night").mkdir()
    with pytest.raises(UserError) as caught:
        checked(predict={"images": ["holidays", "street", "night"]})
    assert [line.split(",")[0] for line in str(caught.value).splitlines()] == [
        "`predict.images` is street",
        "`predict.images` is night",
    ]


def encoded(width, height):
    stream = io.BytesIO()
    Image.new("RGB", (width, height)).save(stream, "PNG")
    return stream.getvalue()


def test_a_folder_to_predict_on_without_an_image_that_can_be_read(checked, tmp_path):
    (tmp_path / "holidays").mkdir()
    (tmp_path / "holidays/a.jpg").write_bytes(b"no image")
    (tmp_path / "holidays/b.png").write_bytes(encoded(70_000, 1))
    with pytest.raises(UserError, match=r"`predict\.images` is holidays, in which no image can be read: .*") as caught:
        checked(predict={"images": "holidays"})
    assert "a.jpg: " in str(caught.value) and "b.png: 70000x1 has a side" in str(caught.value)
    (tmp_path / "holidays/c.png").write_bytes(encoded(300, 200))
    checked(predict={"images": "holidays"})


def test_a_start_checkpoint_without_its_data(checked, tmp_path, monkeypatch):
    from boxwright.checkpoints import checkpoint_files

    tensors = {"FeatureExtractor/MobilenetV1/Conv2d_0/weights": np.zeros((3, 3, 3, 8), np.float32)}
    checkpoint_files.write(tmp_path / "model.ckpt", tensors)
    model = small_model(checkpoint="model.ckpt")
    monkeypatch.setattr(start_weights, "mistakes", lambda plan, identities, told_of: ())
    checked(models={"m": model})
    (tmp_path / "model.ckpt.data-00000-of-00001").write_bytes(b"")
    with pytest.raises(UserError, match=r"`models\.m\.checkpoint`: .* is cut short: it has 0 of 864 bytes"):
        checked(models={"m": model})
    (tmp_path / "model.ckpt.index").write_bytes(b"")
    with pytest.raises(UserError, match=r"`models\.m\.checkpoint`: the checkpoint .* is damaged"):
        checked(models={"m": model})


def test_more_shards_than_files_can_be_open(checked, monkeypatch):
    limits = []
    monkeypatch.setattr(resource, "setrlimit", lambda kind, values: limits.append(values))
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (60, 70))
    monkeypatch.setattr(preflight, "_OTHER_FILES", 50)
    shards = {"shards": {"train": 8, "eval": 1, "test": 1}}
    with_shards = lambda: checked(dataset=checked.dataset | shards)  # noqa: E731
    with_shards()
    assert limits == []
    shards["shards"]["train"] = 18
    with_shards()
    assert limits == [(70, 70)]
    shards["shards"]["train"] = 19
    with pytest.raises(UserError, match=r"`dataset\.shards` asks for 21 record files, .* only 70 files"):
        with_shards()


def test_a_step_that_may_never_be_reached(checked, capsys):
    model = small_model(early_stopping={"patience": 1})
    checked(models={"m": model}, export={"checkpoint": model["num_steps"]})
    assert "`early_stopping` may end m before that step" in capsys.readouterr().err
    checked(models={"m": model}, export={"checkpoint": "last"})
    checked(models={"m": small_model()}, export={"checkpoint": model["num_steps"]})
    assert "`early_stopping`" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("start", "prefix"), [("fine_tuned_model", "fine_tuned_model/model.ckpt"), ("train/model.ckpt-5",) * 2]
)
@pytest.mark.parametrize("model", ["m", "other"])
def test_a_model_does_not_start_from_what_its_training_replaces(checked, start, prefix, model):
    from boxwright.checkpoints import checkpoint_files

    folder = Path("results/models", model)
    (folder / prefix).parent.mkdir(parents=True)
    checkpoint_files.write(folder / prefix, {"weights": np.zeros(3, np.float32)})
    with pytest.raises(UserError) as error:
        checked(models={"m": small_model(checkpoint=str(folder / start))})
    own = f"`models.m.checkpoint`: {folder / start} is a result of this model, which its training replaces. Copy it"
    assert (own in str(error.value)) == (model == "m")


def test_too_few_images_and_steps(checked, capsys):
    checked()
    told = capsys.readouterr().err
    assert (
        "There is only 1 image to learn from and 1 image to measure with, and so few train no detector that is useful "
        "on other images. Annotate more images.\n"
    ) in told
    assert (
        "models.m: 6 steps are too few to learn well, with any number of images and from random weights. "
        "`num_steps: 1500` is usual.\n"
    ) in told
    checked(models={"m": small_model(num_steps=1500)})
    assert "to learn well" not in capsys.readouterr().err


def test_what_a_training_lacks_is_told_when_it_is_over_too(checked):
    plan = checked.plan()
    assert plan.lacking("m") == (
        "Train it longer (`num_steps: 1500` is usual): 6 steps are too few to learn well, with any number of images "
        "and from random weights."
    )
    plan = checked.plan(models={"m": small_model(num_steps=300)})
    assert plan.lacking("m").startswith("Annotate more images: there is only 1 image to learn from and 1 image to m")
    plan.data.counts["train"]["images"] = plan.data.counts["eval"]["images"] = 60
    assert plan.lacking("m") == ""


def test_a_distance_of_checkpoints_beyond_the_end(checked, capsys):
    checked(models={"m": small_model(num_steps=4, checkpoint_every=9)})
    assert (
        "models.m: `checkpoint_every` is 9 and `num_steps` only 4, so a single checkpoint is made and measured, at "
        "step 4.\n"
    ) in capsys.readouterr().err
    checked(models={"m": small_model(num_steps=4, checkpoint_every=4)})
    assert "a single checkpoint" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("gpus", "driver", "told"), [(1, None, True), (1, "/usr/bin/nvidia-smi", False), (0, None, False)]
)
def test_gpus_that_are_asked_for_where_there_is_no_driver(checked, capsys, monkeypatch, gpus, driver, told):
    monkeypatch.setattr(preflight.shutil, "which", lambda name: driver)
    checked(models={"m": small_model(gpus=gpus)})
    assert ("`gpus` is set for m, but there is no `nvidia-smi` here" in capsys.readouterr().err) == told


def test_class_names_that_no_font_has(checked, capsys, monkeypatch):
    checked()
    assert "No font here" not in capsys.readouterr().err
    monkeypatch.setattr(preflight.fonts, "covering", lambda name: None if name == "dog" else "a font")
    checked()
    assert "No font here has all letters of dog, so drawn images show the class id" in capsys.readouterr().err


def test_a_broken_label_map_beside_a_checkpoint_is_told_before_the_first_job(tmp_path):
    starts = {"a": str(tmp_path / "model.ckpt"), "b": None, "c": str(tmp_path / "nowhere" / "model.ckpt")}
    plan = SimpleNamespace(models=list(starts), start=starts.get, shown=str)
    preflight._check_label_maps(plan)
    (tmp_path / "coco_label_map.pbtxt").write_text('item { id: 1000000000 name: "cat" }')
    with pytest.raises(UserError) as error:
        preflight._check_label_maps(plan)
    assert "models.a: beside its checkpoint: " in str(error.value) and "has id 1000000000" in str(error.value)


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "a" * 64 + "\nsize 174833\n"


def test_files_that_git_lfs_has_not_fetched_are_told_before_the_first_job(checked, tmp_path):
    (tmp_path / "starts").mkdir()
    for name in ("graph.pb", "model.ckpt-7.data-00000-of-00001", "model.ckpt-8.index"):
        (tmp_path / "starts" / name).write_text(POINTER)
    (tmp_path / "starts/model.ckpt-7.index").write_bytes(b"")
    starts = {"a": "graph.pb", "b": "model.ckpt-7", "c": "model.ckpt-8"}
    models = {name: small_model(checkpoint=f"starts/{start}") for name, start in starts.items()}
    with pytest.raises(UserError) as error:
        checked(models=models)
    files = ("graph.pb", "model.ckpt-7.data-00000-of-00001", "model.ckpt-8.index")
    for (name, file), line in zip(zip(starts, files, strict=True), str(error.value).splitlines(), strict=True):
        assert line.startswith(f"`models.{name}.checkpoint`: starts/{file} cannot be used: it is a Git LFS pointer")
        assert "git lfs pull" in line
    (tmp_path / "mine.config").write_text(POINTER)
    with pytest.raises(UserError, match=r"mine\.config: the pipeline configuration cannot be used: .*git lfs pull"):
        checked(models={"m": small_model(pipeline="mine.config")})
    (tmp_path / "starts/label_map.pbtxt").write_text(POINTER)
    (tmp_path / "starts/graph.pb").write_bytes(b"\x0a\0")
    with pytest.raises(UserError, match=r"models\.a: beside its checkpoint: .*label_map\.pbtxt.*git lfs pull"):
        checked(models={"a": models["a"]})


def test_forms_that_a_model_does_not_fit_in_or_whose_packages_are_missing(checked, monkeypatch):
    some = forms.Form(
        "raw_graph",
        "toy",
        "toy.bin",
        ("toy.bin",),
        packages=(("toy-runtime", "toy_runtime"), ("numpy", "numpy")),
        refuses=lambda model, family: f"{family} with {model.num_classes} classes is too large; onnx can hold it",
    )
    monkeypatch.setattr(forms, "FORMS", (some, *(one for one in forms.FORMS if one.name != "raw_graph")))
    with pytest.raises(UserError) as caught:
        checked(export={"forms": ["raw_graph"]})
    first, second = str(caught.value).splitlines()
    assert "the form raw_graph needs toy-runtime, not installed here" in first and "`make env`" in first
    assert (
        second
        == "`export.forms`: m cannot be exported as raw_graph: ssd with 2 classes is too large; onnx can hold it."
    )
    checked()


def test_a_disk_without_room_for_a_first_checkpoint(checked, capsys, monkeypatch):
    checked()
    assert "a checkpoint of" not in capsys.readouterr().err
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10**7))
    checked()
    told = capsys.readouterr().err
    assert "The disk of results has 10 MB free, and a checkpoint of m may take " in told
    checked(models={"m": small_model(seed=[1, 2])})
    assert capsys.readouterr().err.count("a checkpoint of m may take ") == 1
    receipt = Path("results/.checksums/models/m/train/model.ckpt-4.index.json")  # of one that `keep` has removed
    receipt.parent.mkdir(parents=True)
    receipt.touch()  # of one that was never finished
    checked()
    assert "a checkpoint of m" in capsys.readouterr().err
    receipt.write_text("{}")
    checked()
    assert "a checkpoint of" not in capsys.readouterr().err


def test_sizes_of_objects_are_not_those_of_another_plan(checked, tmp_path):
    """The stored plan is of other images than one that is made and not stored, as doctor and a dry run make it."""
    large = {"metric": "DetectionBoxes_Precision/mAP (large)"}
    checked()
    checked.data.sample("c.jpg", Box("cat", 0, 0, 200, 200), data=photo(1, 256, 256), size=(256, 256))
    (tmp_path / "eval.txt").write_text("c.jpg\n")
    config = {"dataset": checked.dataset, "models": {"m": small_model()}, "export": large}
    plan = RunPlan.of_sound(settings.load(config), with_data=True)
    assert preflight.mistakes(plan, Identities(plan))[0] == []
    checked(export=large)
    with pytest.raises(UserError, match=r"no evaluation image has a small box"):
        checked(export={"metric": "DetectionBoxes_Precision/mAP (small)"})
