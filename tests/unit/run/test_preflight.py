"""What is certain to fail later is told before the first job."""

from types import SimpleNamespace

import pytest
from tests.factories import DataSet
from tests.workflow.conftest import small_model

from boxwright.core.errors import UserError
from boxwright.dataset.samples import Box
from boxwright.run import preflight
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
    return lambda **changes: preflight.check(RunPlan(config | changes, plan_data=True))


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
    (tmp_path / "holidays/more/a.JPG").write_bytes(b"")
    checked(predict={"images": "holidays"})


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
        assert line.startswith(f"models.{name}.checkpoint: starts/{file} cannot be used: it is a Git LFS pointer")
        assert "git lfs pull" in line
    (tmp_path / "mine.config").write_text(POINTER)
    with pytest.raises(UserError, match=r"mine\.config: the pipeline configuration cannot be used: .*git lfs pull"):
        checked(models={"m": small_model(pipeline="mine.config")})
    (tmp_path / "starts/label_map.pbtxt").write_text(POINTER)
    (tmp_path / "starts/graph.pb").write_bytes(b"weights")
    with pytest.raises(UserError, match=r"models\.a: beside its checkpoint: .*label_map\.pbtxt.*git lfs pull"):
        checked(models={"a": models["a"]})
