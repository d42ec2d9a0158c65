"""What reruns after a change: exactly the jobs that it needs, in the first run after it."""

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.workflow.conftest import ROOT, small_model

RATE = "train_config.optimizer.adam_optimizer.learning_rate"
MODEL = "results/models/small"


@pytest.fixture
def project(finished, tmp_path):
    """A copy of the finished project, to be changed."""
    return finished.copy(tmp_path / "project")


def planned(project, *arguments) -> set[str]:
    return project.snakemake("--dry-run", *arguments).work


# The jobs by their messages, and what follows from each kind.


def records(*shards: str) -> set[str]:
    return {f"Writing {shard.replace('-', ' records ', 1)}" for shard in shards}


ALL_SHARDS = ("train-00000-of-00002", "train-00001-of-00002", "eval-00000-of-00001")
GROUND_TRUTH = {"Writing the ground truth in COCO's format"}
SPLIT = {"Writing down which images train and which measure"}


COMPARISON = {"Comparing the models"}


def described(model: str = "small") -> set[str]:
    """What shows the data set itself."""
    return {"Describing the data set", f"Matching the boxes with the anchors of {model}"} | COMPARISON


def from_export(model: str = "small") -> set[str]:
    return {f"Exporting {model}", f"Predicting with {model}"} | COMPARISON


def from_choice(model: str = "small") -> set[str]:
    drawn = {f"Drawing what {model} learned, gets right and gets wrong"}
    return {f"Choosing the checkpoint of {model}"} | drawn | from_export(model)


def from_evaluation(*steps: int, model: str = "small") -> set[str]:
    return {f"Evaluating {model} at step {step}" for step in steps} | from_choice(model)


def from_training(*steps: int, model: str = "small") -> set[str]:
    segments = {f"Training {model} up to step {step}" for step in steps}
    return segments | {f"Collecting the training log of {model}"} | from_evaluation(*steps, model=model)


def everything(*steps: int, model: str = "small") -> set[str]:
    return {f"Configuring {model}"} | preview(model) | from_training(*steps, model=model)


def preview(model: str = "small") -> set[str]:
    return {f"Showing what {model} is trained with"}


# Nothing


def test_nothing_reruns_when_nothing_changed(project):
    assert planned(project) == set()


def test_touching_everything_reruns_nothing(project, checkout):
    project.checkout = checkout
    for folder in (project.folder, checkout):
        for path in folder.rglob("*"):
            os.utime(path)
    assert planned(project) == set()


@pytest.fixture
def checkout(tmp_path) -> Path:
    """The same code as a fresh checkout elsewhere: other places and times of all files."""
    folder = tmp_path / "checkout"
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


def test_a_fresh_checkout_of_the_same_code_reruns_nothing(project, checkout):
    project.checkout = checkout
    assert planned(project) == set()


def test_keys_in_another_order_rerun_nothing(project):
    def turned(value):
        return {key: turned(value[key]) for key in reversed(value)} if isinstance(value, dict) else value

    project.config = turned(project.config)
    assert planned(project) == set()


# Photographs and annotations


def shard_of(project, name: str) -> str:
    """The shard that the last plan put a sample into."""
    found = [path.stem for path in (project / "results/data/plan").glob("*.jsonl") if f'"{name}"' in path.read_text()]
    assert len(found) == 1
    return found[0]


def sides_and_shards(project) -> dict[str, str]:
    plans = (project / "results/data/plan").glob("*.jsonl")
    return {json.loads(line)["name"]: path.stem for path in plans for line in path.read_text().splitlines()}


def names_of(project, side: str) -> list[str]:
    """The samples of a side, those in a nested folder first."""
    names = [name for name, shard in sides_and_shards(project).items() if shard.startswith(side)]
    return sorted(names, key=lambda name: (-name.count("/"), name))


def xml_of(project, name: str) -> Path:
    return (project / "photographs/annotations" / name).with_suffix(".xml")


def follows(shard: str) -> set[str]:
    """What reruns after a shard."""
    after = preview() | from_training(3, 6) if shard.startswith("train") else GROUND_TRUTH | from_evaluation(3, 6)
    return records(shard) | after | described()


def edit_annotation(path: Path) -> None:
    text = path.read_text()
    start = text.index("<xmin>") + len("<xmin>")
    end = text.index("<", start)
    path.write_text(f"{text[:start]}{int(text[start:end]) + 1}{text[end:]}")


@pytest.mark.parametrize("side", ["train", "eval"])
def test_an_annotation_edited_in_place(project, side):
    name = names_of(project, side)[-1]
    edit_annotation(xml_of(project, name))
    assert planned(project) == follows(shard_of(project, name))


def test_an_annotation_in_a_nested_folder_replaced_by_an_older_file(project):
    name = names_of(project, "train")[0]
    assert "/" in name
    path = xml_of(project, name)
    older = project / "older.xml"
    shutil.copy(path, older)
    edit_annotation(older)
    os.utime(older, (1e9, 1e9))
    shutil.copy2(older, path)  # as `cp -p` does
    assert path.stat().st_mtime == 1e9
    assert planned(project) == follows(shard_of(project, name))


@pytest.mark.parametrize("keep_times", [False, True])
def test_an_image_edited_in_place(project, keep_times):
    name = names_of(project, "train")[0]
    path = project / "photographs/images" / name
    times = path.stat()
    data = bytearray(path.read_bytes())
    path.write_bytes(data[:2] + b"\xff\xfe\x00\x04hi" + data[2:])  # a comment
    if keep_times:
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    # The split names every image with its hash.
    assert planned(project) == follows(shard_of(project, name)) | SPLIT


def add_sample(project, like: str, name: str) -> None:
    image = (project / "photographs/images" / like).read_bytes()
    (project / "photographs/images" / f"{name}.jpg").write_bytes(image[:2] + b"\xff\xfe\x00\x04hi" + image[2:])
    text = xml_of(project, like).read_text().replace(Path(like).name, f"{name}.jpg")
    xml_of(project, f"{name}.jpg").write_text(text)


def test_a_sample_added(project):
    before = sides_and_shards(project)
    add_sample(project, next(iter(before)), "brand_new")
    work = planned(project)
    after = sides_and_shards(project)
    assert {name: after[name] for name in before} == before
    assert work == follows(after["brand_new.jpg"]) | SPLIT


def test_a_sample_removed(project):
    before = sides_and_shards(project)
    name = names_of(project, "train")[-1]
    (project / "photographs/images" / name).unlink()
    xml_of(project, name).unlink()
    assert planned(project) == follows(before[name]) | SPLIT
    assert sides_and_shards(project) == {other: shard for other, shard in before.items() if other != name}


def test_a_sample_renamed_keeps_its_side(project):
    before = sides_and_shards(project)
    name = names_of(project, "eval")[-1]
    (project / "photographs/images" / name).rename(project / "photographs/images/renamed.jpg")
    text = xml_of(project, name).read_text().replace(Path(name).name, "renamed.jpg")
    xml_of(project, name).unlink()
    xml_of(project, "renamed.jpg").write_text(text)
    assert planned(project) == follows(before[name]) | SPLIT
    after = sides_and_shards(project)
    assert after.pop("renamed.jpg") == before.pop(name)
    assert after == before


def test_a_class_added(project):
    name = names_of(project, "train")[-1]
    path = xml_of(project, name)
    path.write_text(path.read_text().replace("</annotation>", OBJECT.format("ellipse") + "</annotation>"))
    # The new class comes last, so a shard without it stays as it is, to the bit.
    shards = records(shard_of(project, name))
    work = {"Writing the label map"} | shards | GROUND_TRUTH | described() | everything(3, 6)
    assert planned(project) == work
    label_map = (project / "results/data/label_map.pbtxt").read_text()
    assert (project / "results/data/plan/label_map.pbtxt").read_text().startswith(label_map)


OBJECT = "<object><name>{}</name><bndbox><xmin>5</xmin><ymin>5</ymin><xmax>40</xmax><ymax>40</ymax></bndbox></object>"

# Settings


def test_one_of_two_models(project):
    project.config["models"]["other"] = small_model(num_steps=1, checkpoint_every=1)
    waiting = {"Matching the boxes with the anchors of other"}
    assert planned(project) == waiting | everything(1, model="other")
    project.snakemake("results/models/other/train/log.jsonl")
    rest = waiting | preview("other") | from_evaluation(1, model="other")
    project.config["models"]["small"]["seed"] = 1
    assert planned(project) == rest | preview() | from_training(3, 6)
    project.config["models"]["small"]["seed"] = 0
    project.config["models"]["other"]["seed"] = 1
    assert planned(project) == rest | from_training(1, model="other")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (f"{RATE}.cosine_decay_learning_rate.learning_rate_base", 0.001),
        ("model.ssd.loss.localization_weight", 2.0),
        ("train_config.data_augmentation_options.0.random_horizontal_flip.probability", 0.25),
    ],
)
def test_a_rate_a_loss_an_augmentation(project, field, value):
    project.config["models"]["small"]["overrides"][field] = value
    assert planned(project) == everything(3, 6)


@pytest.mark.parametrize(
    ("changes", "work"),
    [
        ({"eval_config.use_moving_averages": True}, {"Configuring small"} | preview() | from_evaluation(3, 6)),
        (
            {"model.ssd.post_processing.batch_non_max_suppression.iou_threshold": 0.5},
            {"Configuring small"} | preview() | from_evaluation(3, 6),
        ),
    ],
)
def test_evaluation(project, changes, work):
    project.config["models"]["small"]["overrides"] |= changes
    assert planned(project) == work


@pytest.mark.parametrize(
    "export", [{"checkpoint": 3}, {"checkpoint": "last"}, {"metric": "DetectionBoxes_Recall/AR@1"}]
)
def test_export(project, export):
    project.config["export"] = export
    assert planned(project) == from_choice()


@pytest.mark.parametrize("predict", [{"images": "photographs/images"}, {"score_threshold": 0.1}, {"line_thickness": 2}])
def test_prediction(project, predict):
    project.config["predict"] = predict
    assert planned(project) == {"Predicting with small"}


def test_a_photograph_to_predict_edited(project):
    """In a folder of its own, which no result but the predictions depends on."""
    shutil.copytree(project / "photographs/images", project / "holidays")
    project.config["predict"] = {"images": "holidays"}
    project.snakemake(f"{MODEL}/predictions")
    assert planned(project) == set()
    with next((project / "holidays").glob("*.jpg")).open("ab") as photograph:
        photograph.write(b"\0")
    assert planned(project) == {"Predicting with small"}


def test_settings_that_decide_no_result(project):
    project.config["models"]["small"]["save_every_s"] = 7
    assert planned(project) == set()


# Steps

CONSTANT = {f"{RATE}.constant_learning_rate.learning_rate": 0.001}
EXPONENTIAL = {f"{RATE}.exponential_decay_learning_rate": {"initial_learning_rate": 0.001, "decay_steps": 2}}
MANUAL = {
    f"{RATE}.manual_step_learning_rate": {
        "initial_learning_rate": 0.001,
        "schedule": [{"step": 2, "learning_rate": 0.0005}],
    }
}


def train_again(project, **settings) -> None:
    """Settings with which the small model is trained anew, up to its training log."""
    project.config["models"]["small"] = small_model(**settings)
    project.snakemake(f"{MODEL}/train/log.jsonl")


def with_schedule(schedule: dict) -> dict:
    return small_model()["overrides"] | schedule


def checkpoint(project, step: int) -> bytes:
    prefix = project / MODEL / f"train/model.ckpt-{step}"
    return b"".join(Path(f"{prefix}{suffix}").read_bytes() for suffix in (".index", ".data-00000-of-00001"))


@pytest.mark.parametrize(
    "schedule",
    [CONSTANT, pytest.param(EXPONENTIAL, marks=pytest.mark.slow), pytest.param(MANUAL, marks=pytest.mark.slow)],
)
def test_more_steps_with_a_schedule_of_its_own_length(project, schedule):
    train_again(project, num_steps=4, checkpoint_every=2, overrides=with_schedule(schedule))
    before = checkpoint(project, 2), checkpoint(project, 4)
    project.config["models"]["small"]["num_steps"] = 6
    outcome = project.snakemake("--dry-run")
    assert "starts again" not in outcome.text
    log = {"Collecting the training log of small"}
    longer = {"Configuring small", "Training small up to step 6"} | log
    # Steps 2 and 4 were trained, and not yet measured.
    assert outcome.work == longer | preview() | from_evaluation(2, 4, 6)
    run = project.snakemake(f"{MODEL}/train/log.jsonl")
    assert run.work == longer
    assert (checkpoint(project, 2), checkpoint(project, 4)) == before
    logged = (project / MODEL / "train/log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in logged] == [1, 2, 3, 4, 5, 6]


def test_more_steps_stretch_a_cosine(project):
    project.config["models"]["small"]["num_steps"] = 9
    outcome = project.snakemake("--dry-run")
    assert outcome.work == everything(3, 6, 9)
    assert "models.small: num_steps 6 -> 9 stretches the cosine schedule" in outcome.text
    assert "training starts again, and the checkpoints up to step 6 are replaced" in outcome.text


def test_more_steps_beside_a_cosine_that_keeps_its_length(project):
    """`rescale_schedule: false` leaves the schedule as its file has it."""
    train_again(project, rescale_schedule=False)
    project.config["models"]["small"]["num_steps"] = 9
    outcome = project.snakemake("--dry-run", f"{MODEL}/train/log.jsonl")
    assert outcome.work == {"Configuring small", "Training small up to step 9", "Collecting the training log of small"}
    assert "starts again" not in outcome.text


def test_another_distance_of_checkpoints(project):
    before = checkpoint(project, 6)
    project.config["models"]["small"]["checkpoint_every"] = 2
    # The checkpoint of step 6 is trained from another one and comes out the same, so its evaluation stands.
    assert planned(project) == from_training(2, 4, 6) - {"Evaluating small at step 6"}
    project.snakemake(f"{MODEL}/train/log.jsonl")
    assert checkpoint(project, 6) == before
    logged = (project / MODEL / "train/log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in logged] == [1, 2, 3, 4, 5, 6]


# Code


@pytest.mark.parametrize(
    ("module", "work"),
    [
        ("export/predict.py", {"Predicting with small"}),
        ("figures/learning.py", {"Drawing what small learned, gets right and gets wrong"}),
        ("export/freeze.py", from_export()),
        ("evaluation/choose.py", from_choice()),
        ("evaluation/run.py", from_evaluation(3, 6)),
        ("training/log.py", from_training(3, 6)),
        ("training/augment.py", preview() | from_training(3, 6)),
        ("records/shards.py", records(*ALL_SHARDS) | GROUND_TRUTH | preview() | from_training(3, 6)),
        ("pipeline/changes.py", {"Configuring small"}),
        # The plan is made again with it, and comes out the same.
        ("annotations/decide.py", {"Checking the annotations"}),
        ("cli.py", set()),
    ],
)
def test_a_module_of_the_library(project, checkout, module, work):
    project.checkout = checkout
    with (checkout / "workflow/boxwright" / module).open("a") as file:
        file.write("\n_ADDED = 1\n")
    assert planned(project) == work


def test_comments_and_docstrings_are_no_code(project, checkout):
    project.checkout = checkout
    for path in (checkout / "workflow").rglob("*.py"):
        path.write_text(path.read_text() + "\n\n# A remark.\n")
    assert planned(project) == set()


# Results


DAMAGES = {
    "results/data/label_map.pbtxt": {"Writing the label map"},
    "results/data/train-00001-of-00002.tfrecord": records("train-00001-of-00002"),
    f"{MODEL}/pipeline.config": {"Configuring small"},
    f"{MODEL}/train/model.ckpt-3.index": {"Training small up to step 3"},
    f"{MODEL}/train/model.ckpt-3.data-00000-of-00001": {"Training small up to step 3"},
    f"{MODEL}/train/events.out.tfevents.0000000006": {"Training small up to step 6"},
    f"{MODEL}/train/checkpoint": {"Collecting the training log of small"},
    f"{MODEL}/eval/3/metrics.json": {"Evaluating small at step 3"},
    f"{MODEL}/choice.json": {"Choosing the checkpoint of small"},
    f"{MODEL}/fine_tuned_model/frozen_inference_graph.pb": {"Exporting small"},
    f"{MODEL}/fine_tuned_model/saved_model/saved_model.pb": {"Exporting small"},
}


def cut_short(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


@pytest.mark.parametrize("damage", [cut_short, Path.unlink])
def test_each_damaged_result_is_made_again_and_nothing_after_it(project, damage):
    wrong = {}
    for name, work in DAMAGES.items():
        kept = (project / name).read_bytes()
        damage(project / name)
        outcome = project.snakemake("--dry-run")
        said = re.search(
            rf"^{re.escape(name)} (is gone|has \d+ bytes, it was written with \d+): made again$", outcome.text, re.M
        )
        if outcome.work != work or not said:
            wrong[name] = outcome.text
        (project / name).write_bytes(kept)
    assert not wrong


def test_damaged_results_come_back_the_same(project):
    """Also in the middle of a chain, and a folder as a whole."""
    before = {path: path.read_bytes() for path in results(project)}
    cut_short(project / MODEL / "train/model.ckpt-3.data-00000-of-00001")
    (project / "results/data/train-00000-of-00002.tfrecord").unlink()
    (project / "results/data/label_map.pbtxt").unlink()
    shutil.rmtree(project / MODEL / "predictions")
    work = {"Training small up to step 3", "Writing the label map", "Predicting with small"}
    started = time.time()
    assert project.snakemake().work == work | records("train-00000-of-00002")
    assert {path: path.read_bytes() for path in results(project)} == before
    assert (project / MODEL / "train/model.ckpt-6.index").stat().st_mtime < started
    assert planned(project) == set()


def results(project) -> list[Path]:
    """The results whose bytes are a function of the inputs: all but what tells the time that was needed."""
    timed = ("events.out", "log.jsonl", ".tsv", ".log")
    found = [path for path in (project / "results").rglob("*") if path.is_file()]
    return [
        path
        for path in found
        if ".receipts" not in path.parts and "log" not in path.parts and not any(word in path.name for word in timed)
    ]


def test_two_changes_at_once(project):
    """What only one of them touches is not forgotten for the other."""
    (project / "results/data/label_map.pbtxt").unlink()
    project.config["predict"] = {"line_thickness": 2}
    assert planned(project) == {"Writing the label map", "Predicting with small"}
