"""A run that trains again what was finished says so before it starts."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.factories import SSD_PARTS

from boxwright.console.checksums import Checksums
from boxwright.dataset import split_history
from boxwright.pipeline import text
from boxwright.run import restarts
from boxwright.training import log

CONFIG = f"""model {{ ssd {{ num_classes: 1 feature_extractor {{ type: "ssd_mobilenet_v1" }} {SSD_PARTS} }} }}
train_config {{ batch_size: 8 optimizer {{ adam_optimizer {{ learning_rate {{ constant_learning_rate {{ }} }} }} }} }}
"""
IDENTITY = {"config": "c", "data": "d", "start": None, "seed": 0, "tf_threads": 2, "code": "x"}


@pytest.fixture
def plan(tmp_path):
    """The part of a run's plan that matters here: a model saved at steps 3 and 6."""
    results = tmp_path / "results"
    return SimpleNamespace(
        results=str(results),
        plan_folder=str(results / "data" / "plan"),
        folder=results / "models" / "m",
        configurations={"m": text.parse(CONFIG)},
        steps=lambda name: [3, 6],
        checkpoint=lambda name, step: [str(results / f"models/{name}/train/model.ckpt-{step}.index")],
    )


def finish(plan, *steps, every=3, **made_with):
    """Write the checkpoints of some steps with their receipts."""
    for step in steps:
        index = plan.folder / f"train/model.ckpt-{step}.index"
        index.parent.mkdir(parents=True, exist_ok=True)
        index.write_bytes(b"index")
        entries = plan.folder / f"train/log/{step}.jsonl"
        entries.parent.mkdir(exist_ok=True)
        entries.write_text("".join(json.dumps({"step": n}) + "\n" for n in range(step - every + 1, step + 1)))
        Checksums(plan.results).write([index], made_with=made_with)


def said(plan, other_parts=False, **changes):
    checksums = Checksums(plan.results)
    return restarts.reason(plan, "m", IDENTITY | changes, checksums, lambda changed: other_parts)


KEEP = "To keep them, give the new training a name of its own (another key below `models`)"


def test_without_a_checkpoint_nothing_is_lost(plan):
    assert said(plan) == ""


def test_what_changed_in_the_training_data_is_said_in_place_of_what_it_may_be(plan):
    finish(plan, 3, 6, identity=IDENTITY, config=CONFIG)
    checksums, exact = Checksums(plan.results), ["a.jpg: 2 boxes now, 1 before"]
    told = restarts.reason(plan, "m", IDENTITY | {"data": "e"}, checksums, of_data=lambda: exact)
    assert told.startswith("a.jpg: 2 boxes now, 1 before. This changes the training from its first step on.")


def test_the_same_says_nothing(plan):
    finish(plan, 3, 6, identity=IDENTITY, config=CONFIG)
    assert said(plan) == ""


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"seed": 7}, "`seed` 0 -> 7."),
        ({"data": "e"}, "the training data (images, boxes, classes, or the code that writes the records) changed."),
        ({"code": "y"}, "the code that trains (another version of boxwright) changed."),
        ({"precision": "bfloat16"}, "`precision` None -> bfloat16."),
        ({"config": "other row"}, "boxwright's own values for this feature extractor changed."),
    ],
)
def test_each_cause(plan, change, cause):
    finish(plan, 3, 6, identity=IDENTITY, config=CONFIG)
    told = said(plan, **change)
    assert told.startswith(f"{cause} This changes the training from its first step on. So training starts again, and ")
    assert "the checkpoints up to step 6 are replaced" in told and KEEP in told


def test_a_field_of_the_configuration(plan):
    finish(plan, 3, 6, identity=IDENTITY, config=CONFIG.replace("batch_size: 8", "batch_size: 4"))
    assert said(plan, config="e").startswith("train_config.batch_size 4 -> 8. This changes")


def test_another_optimizer_is_no_other_version(plan):
    """The code of the training is other code then, since it has other parts."""
    finish(plan, 3, 6, identity=IDENTITY, config=CONFIG.replace("adam_optimizer", "rms_prop_optimizer"))
    told = said(plan, other_parts=True, config="e", code="y")
    assert told.startswith("train_config.optimizer.adam_optimizer") and "version" not in told


@pytest.mark.parametrize(
    ("before", "now", "cause"),
    [
        ("a/model.ckpt", "", "`checkpoint` a/model.ckpt -> none"),
        ("", "resources/zoo/ssd/model.ckpt", "`checkpoint` none -> zoo:ssd"),
        ("a/model.ckpt", "a/model.ckpt", "the files of `checkpoint` a/model.ckpt changed"),
    ],
)
def test_other_start_weights(plan, before, now, cause):
    """The fields that come and go with them are not told as well."""
    start = 'batch_size: 8 fine_tune_checkpoint: "%s" fine_tune_checkpoint_type: "detection"'
    made, wanted = (CONFIG.replace("batch_size: 8", start % one) if one else CONFIG for one in (before, now))
    plan.configurations["m"] = text.parse(wanted)
    finish(plan, 3, 6, identity=IDENTITY | {"start": before or None}, config=made)
    told = said(plan, start=f"{now} now" if now else None, **({} if before and now else {"config": "e"}))
    assert told.startswith(f"start weights: {cause}. This changes the training from its first step on.")


def test_two_causes_are_one_sentence(plan):
    finish(plan, 3, 6, identity=IDENTITY, config=CONFIG.replace("batch_size: 8", "batch_size: 4"))
    told = said(plan, config="e", seed=1)
    assert told.startswith("train_config.batch_size 4 -> 8; `seed` 0 -> 1. These change the training")


def test_only_what_is_left_of_the_old_training_counts(plan):
    """A training that was started again and interrupted."""
    finish(plan, 3, identity=IDENTITY | {"seed": 1}, config=CONFIG)
    assert said(plan, seed=1) == ""
    finish(plan, 6, identity=IDENTITY, config=CONFIG)
    told = said(plan, seed=1)
    assert told.startswith("the checkpoint at step 6 is left from an earlier training (`seed` 0 -> 1).")
    assert "continues from step 3" in told and "starts again" not in told


def test_checkpoints_of_an_earlier_release_have_the_configuration_beside_them(plan):
    finish(plan, 3, 6)
    assert said(plan, seed=1) == "", "nothing tells"
    (plan.folder / "pipeline.config").write_text(CONFIG.replace("batch_size: 8", "batch_size: 4"))
    assert said(plan).startswith("train_config.batch_size 4 -> 8.")
    (plan.folder / "pipeline.config").write_text("model {")
    assert said(plan) == ""


@pytest.mark.parametrize("damage", [b"", b"[]", b"3", b'{"made_with": 3}', b'{"made_with": {"identity": []}}', b"\xff"])
def test_a_damaged_receipt_is_none(plan, damage):
    finish(plan, 3, 6, identity=IDENTITY, config=CONFIG)
    for receipt in (plan.folder.parents[1] / ".checksums").rglob("*.json"):
        receipt.write_bytes(damage)
    assert said(plan, seed=1) == ""


def test_segments_that_begin_elsewhere(plan):
    finish(plan, 6, every=6, identity=IDENTITY, config=CONFIG)
    assert said(plan) == (
        "`checkpoint_every` or `num_steps` changed the steps of the checkpoints, so training starts again from its "
        "first step. The checkpoint at step 6 is trained again, with the same result. To train nothing again, set "
        "`checkpoint_every: 6`."
    )


@pytest.mark.parametrize(
    ("planned", "told"),
    [
        ([3, 6], ""),
        ([3, 6, 9], ""),
        ([3], ""),
        (
            [4, 8],
            "training starts again from its first step. The checkpoints at steps 3 and 6 are not used any more, and "
            "stay. To go on from step 6, set `checkpoint_every: 3`.",
        ),
        (
            [2, 4, 6],
            "training starts again from its first step. The checkpoint at step 6 is trained again, with the same "
            "result. The checkpoint at step 3 is not used any more, and stays. To train nothing again, set "
            "`checkpoint_every: 3`.",
        ),
    ],
)
def test_other_steps_with_the_same_training(plan, planned, told):
    finish(plan, 3, 6, identity=IDENTITY, config=CONFIG)
    plan.steps = lambda name: planned
    assert said(plan) == (told and f"`checkpoint_every` or `num_steps` changed the steps of the checkpoints, so {told}")


def test_the_last_checkpoint_of_a_shorter_training_that_is_none_of_a_longer_one(plan):
    finish(plan, 4, every=4, identity=IDENTITY, config=CONFIG)
    finish(plan, 6, every=2, identity=IDENTITY, config=CONFIG)
    plan.steps = lambda name: [4, 8, 9]
    assert said(plan) == (
        "`checkpoint_every` or `num_steps` changed the steps of the checkpoints, so training goes on from step 4. The "
        "checkpoint at step 6 is not used any more, and stays."
    )


def test_another_training_that_is_saved_at_other_steps(plan):
    finish(plan, 3, 6, identity=IDENTITY, config=CONFIG)
    plan.steps = lambda name: [8]
    assert said(plan, seed=1) == (
        "`seed` 0 -> 1. This changes the training from its first step on. So training starts again, and nothing uses "
        "the checkpoints at steps 3 and 6 any more, which stay."
    )


def test_measured_checkpoints_that_are_gone_are_continued_from_all_the_same(plan):
    finish(plan, 3, 6, 9, identity=IDENTITY, config=CONFIG)
    (plan.folder / "train/model.ckpt-3.index").unlink()
    plan.steps = lambda name: [3, 6, 12]
    assert "training goes on from step 6. The checkpoint at step 9 is not used any more" in said(plan)


def split_of(path, **sides):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(split_history.to_tsv({f"{name}.jpg": (side, "0" * 64) for name, side in sides.items()}))


def test_images_that_leave_the_training_are_named(plan):
    data = Path(plan.results) / "data"
    now = {"a": "test", "b": "eval", "c": "test", "d": "train", "e": "test", "f": "test", "new": "test"}
    split_of(data / "plan/split.tsv", **now)
    assert restarts.left_training(plan) == ""  # nothing was trained
    split_of(data / "split.tsv", a="train", b="train", c="eval", d="train", e="train", gone="train")
    told = "the training loses 2 images to the test side (a.jpg, e.jpg) and 1 image to the evaluation side (b.jpg)."
    assert restarts.left_training(plan) == f"dataset.split: {told}"
    split_of(data / "split.tsv", **now)
    assert restarts.left_training(plan) == ""


def test_another_data_set_in_the_same_results(plan):
    plan.settings = {"dataset": {"split": {"train": None, "source": False}}}
    data = Path(plan.results) / "data"

    def split(path, *images):
        sides = {f"{name}.jpg": ("train", content * 64) for name, content in images}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(split_history.to_tsv(sides))

    split(data / "plan/split.tsv", *((name, "1") for name in "abc"))
    assert restarts.another_data_set(plan) == ""
    split(data / "split.tsv", ("a", "1"), ("x", "2"), ("y", "3"))
    assert restarts.another_data_set(plan) == ""
    split(data / "split.tsv", ("a", "2"), ("b", "3"), *((name, "4") for name in "vwxyz"))
    told = restarts.another_data_set(plan)
    assert told == (
        f"dataset: none of the 3 images is among the 7 of the last run in {plan.results}. 2 images have the name of an "
        "earlier one, and so its side of the split. If this is another data set, set another `results` folder: in this "
        "one it replaces the results of the earlier one."
    )
    plan.settings["dataset"]["split"]["source"] = True
    assert "images have the name" not in restarts.another_data_set(plan)


def test_long_segments_that_do_not_log_every_step_begin_where_they_did(plan, tmp_path):
    """A segment of more than fifty steps logs its first entry some steps after it began."""
    for start, step in ((0, 750), (750, 1500)):
        entries = log.Log(tmp_path / f"events.out.tfevents.{step}", start, step)
        for n in range(start + 1, step + 1):
            entries.step(n, 0.1, {log.TOTAL: 1.0}, 0.0)
        entries.save(plan.folder / f"train/log/{step}.jsonl")
        index = plan.folder / f"train/model.ckpt-{step}.index"
        index.write_bytes(b"index")
        Checksums(plan.results).write([index], made_with={"identity": IDENTITY, "config": CONFIG})
    plan.steps = lambda name: [750, 1500]
    assert said(plan) == ""
    plan.steps = lambda name: [500, 1000, 1500]
    assert "The checkpoint at step 1500 is trained again, with the same result." in said(plan)
