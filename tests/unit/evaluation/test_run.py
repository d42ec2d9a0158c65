"""A checkpoint measured on records, from files to files."""

import hashlib
import io
import json
import runpy
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from small_detector import LABEL_MAP
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from boxwright import devices, tfrecord
from boxwright.core.errors import UserError
from boxwright.dataset.samples import Box, Sample
from boxwright.evaluation import coco, names, summaries
from boxwright.evaluation.data import Records, dataset_of
from boxwright.records.example import to_example

from .sets import found_of

ROOT = Path(__file__).resolve().parents[3]
SIZES = ((90, 140), (200, 150), (64, 64), (120, 120)) * 5


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """20 pictures of four sizes in two files; every third has no box."""
    folder = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(5)
    paths = [folder / f"eval-0000{shard}-of-00002.tfrecord" for shard in range(2)]
    files = [path.open("wb") for path in paths]
    for number, (height, width) in enumerate(SIZES):
        coarse = Image.fromarray(random.integers(0, 255, (6, 8, 3), dtype=np.uint8))
        buffer = io.BytesIO()
        coarse.resize((width, height), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=95)
        data = buffer.getvalue()
        boxes = []
        for _ in range(0 if number % 3 == 2 else 2):
            low = random.uniform(0, 0.5, 2)
            corners = np.stack([low, low + random.uniform(0.2, 0.5, 2)])[:, ::-1] * (width, height)
            name = str(random.choice(["cat", "dog"]))
            boxes.append(Box(name, *corners.round().ravel().tolist()))
        digest = hashlib.sha256(data).hexdigest()
        sample = Sample(f"pictures/{number:03d}.jpg", "", digest, width, height, "jpeg", (), tuple(boxes))
        tfrecord.write(files[number % 2], to_example(sample, data, LABEL_MAP))
    for file in files:
        file.close()
    return paths


def outputs_in(folder):
    from boxwright.evaluation import run

    files = ("eval/30/metrics.json", "eval/30/analysis.json", "eval/30/detections.json")
    events = (f"{name}/events.out.tfevents.30" for name in ("eval", "eval_train"))
    return run.Outputs(*(folder / path for path in (*files, *events)))


@pytest.fixture(scope="module")
def measured(tmp_path_factory, config, prefix, shards):
    from boxwright.evaluation import run

    folder = tmp_path_factory.mktemp("model")
    out = outputs_in(folder)
    # What is measured as the training sample is one of the two files, to tell it from the evaluation.
    about = {"model": "small", "step": 30, "seed": 4, "precision": "bfloat16"}
    result = run.run(config, prefix, shards, shards[:1], LABEL_MAP, out, **about)
    return folder, result


def test_metrics_json(measured):
    folder, result = measured
    written = json.loads((folder / "eval/30/metrics.json").read_text())
    assert written == result
    about = ["model", "step", "seed", "precision", "inference_precision", "images", "boxes"]
    assert list(written) == [*about, "metrics", "undefined", "training_sample"]
    assert (written["precision"], written["inference_precision"]) == ("bfloat16", "float32")
    assert (written["model"], written["step"], written["seed"], written["images"]) == ("small", 30, 4, 20)
    assert written["boxes"] == 28
    assert list(written["metrics"]) == names.of_classes(LABEL_MAP)
    assert written["metrics"]["PascalBoxes_PerformanceByCategory/AP@0.5IOU/owl"] is None
    assert {name for name, value in written["metrics"].items() if value is None} == set(written["undefined"])


@pytest.mark.parametrize(("gpus", "used"), [([], "bfloat16"), (["T4"], "float32")])
def test_the_precision_that_was_used_is_told_and_noted(monkeypatch, capfd, gpus, used):
    """The evaluation's script, with the measuring itself left out."""
    from boxwright.checkpoints import conditions
    from boxwright.console import job
    from boxwright.dataset import label_map
    from boxwright.evaluation import run
    from boxwright.pipeline import text

    noted = {}
    monkeypatch.setattr(job, "job", lambda snakemake, tensorflow: nullcontext([]))
    monkeypatch.setattr(devices.instructions, "here", lambda: frozenset({"amx_bf16"}))
    monkeypatch.setattr(devices.os, "environ", {})
    monkeypatch.setattr(devices, "take", lambda compute: devices.Taken(gpus, compute))
    monkeypatch.setattr(conditions, "of", lambda checkpoint: conditions.Conditions("float32", 2))
    monkeypatch.setattr(run, "run", lambda *arguments, **about: noted.update(about))
    for module in (text, label_map):
        monkeypatch.setattr(module, "read", lambda path: None)
    machine = {"gpus": 1, "gpu_memory_mb": {"train": None, "evaluate": None}}
    given = SimpleNamespace(
        params=SimpleNamespace(precision="bfloat16", seed=0),
        config={"machine": {"m": machine}},
        wildcards=SimpleNamespace(model="m", step="3"),
        input=SimpleNamespace(index="train/model.ckpt-3.index", config="", records=[], train_records=[], label_map=""),
        output=SimpleNamespace(metrics="m/eval/3/metrics.json", analysis="a", detections="d"),
    )
    runpy.run_path(str(ROOT / "workflow/scripts/evaluate_checkpoint.py"), init_globals={"snakemake": given})
    assert (noted["precision"], noted["inference_precision"]) == ("float32", used)
    assert ("products in bfloat16." in capfd.readouterr().err) == (used == "bfloat16")


def test_the_files_give_pycocotools_the_same_numbers(measured, shards, tmp_path):
    folder, result = measured
    coco.write_ground_truth(tmp_path / "eval.coco.json", dataset_of(Records(shards), LABEL_MAP))
    truth = COCO(tmp_path / "eval.coco.json")
    evaluation = COCOeval(truth, truth.loadRes(str(folder / "eval/30/detections.json")), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    for (name, *_), value in zip(names.COCO_NUMBERS, evaluation.stats, strict=True):
        assert (result["metrics"][name] if value != -1 else -1) == pytest.approx(value, abs=1e-9)
    assert result["metrics"]["DetectionBoxes_Recall/AR@100"] > 0


def test_every_record_is_detected_once_as_it_is_alone(measured, config, prefix, shards):
    import tensorflow as tf

    from boxwright.detector import inference
    from boxwright.images import loader

    folder, _ = measured
    rows = json.loads((folder / "eval/30/detections.json").read_text())
    records = Records(shards)
    assert {row["image_id"] for row in rows} == set(range(1, 21))
    detector = inference.load(config, prefix)
    for position in (0, 7, 19):
        record = records[position]
        pixels, shape = detector.preprocess(tf.constant(loader.load_rgb(record.encoded)))
        alone = inference.detections(detector, pixels[tf.newaxis], shape[tf.newaxis])
        own = [row for row in rows if row["image_id"] == position + 1]
        assert len(own) == int(alone["num_detections"][0]) == 20
        assert [row["category_id"] for row in own[:5]] == alone["detection_classes"][0, :5].numpy().tolist()
        np.testing.assert_allclose([row["score"] for row in own], alone["detection_scores"][0], atol=1e-5)
        ymin, xmin, ymax, xmax = alone["detection_boxes"][0, 0].numpy() * ([record.height, record.width] * 2)
        np.testing.assert_allclose(own[0]["bbox"], [xmin, ymin, xmax - xmin, ymax - ymin], atol=0.01)


def test_a_sample_of_the_training_images_is_measured_beside(measured, shards):
    folder, result = measured
    sample = result["training_sample"]
    dataset = dataset_of(Records(shards[:1]), LABEL_MAP)
    assert (sample["images"], sample["boxes"]) == (10, len(dataset.truth))
    assert list(sample["metrics"]) == [name for name, *_ in names.COCO_NUMBERS]
    rows = json.loads((folder / "eval/30/detections.json").read_text())
    # The same images were measured in the evaluation, where they come first.
    detections = detections_from([row for row in rows if row["image_id"] <= 10])
    expected, _ = coco.metrics(dataset, coco.evaluate(dataset, detections))
    for name, value in sample["metrics"].items():
        assert value == (None if expected[name] is None else pytest.approx(expected[name], abs=1e-6)), name


def detections_from(rows):
    x, y, wide, high = np.array([row["bbox"] for row in rows]).T
    image, scores, classes = ([row[key] for row in rows] for key in ("image_id", "score", "category_id"))
    return found_of(np.array(image) - 1, np.stack([y, x, y + high, x + wide], axis=1), scores, classes)


def test_the_sample_is_spread_over_the_training_images_and_no_larger_than_the_evaluation():
    assert summaries.spread(1000, 5) == [0, 250, 500, 749, 999]
    assert summaries.spread(3, 3) == [0, 1, 2] and summaries.spread(7, 1) == [0]


def test_training_images_without_boxes_are_not_measured(tmp_path, config, prefix, shards):
    from boxwright.evaluation import run

    empty = [record for record in Records(shards) if not len(record.boxes)]
    assert empty
    path = tmp_path / "train-00000-of-00001.tfrecord"
    with path.open("wb") as file:
        for record in empty:
            sample = Sample(record.source_id, "", record.sha256, record.width, record.height, "jpeg", (), ())
            tfrecord.write(file, to_example(sample, record.encoded, LABEL_MAP))
    out = outputs_in(tmp_path)
    out.train_events.parent.mkdir()
    out.train_events.write_bytes(b"of an earlier evaluation")
    result = run.run(config, prefix, shards, [path], LABEL_MAP, out, model="small", step=30, seed=4)
    assert result["training_sample"] is None and not out.train_events.exists()


def test_tensorboard_reads_the_events(measured):
    folder, result = measured
    events = EventAccumulator(str(folder / "eval"), size_guidance={"images": 0, "tensors": 0})
    events.Reload()
    tags = set(events.Tags()["tensors"])
    defined = {name for name, value in result["metrics"].items() if value is not None}
    sheets = {"eval_side_by_side_0", "eval_side_by_side_1"}
    assert tags == defined | sheets | {"cat/pr_curves", "dog/pr_curves"}
    value = events.Tensors("DetectionBoxes_Precision/mAP")[0]
    assert value.step == 30
    assert value.tensor_proto.float_val[0] == pytest.approx(result["metrics"]["DetectionBoxes_Precision/mAP"])
    assert [path.name for path in (folder / "eval").iterdir() if path.is_file()] == ["events.out.tfevents.30"]
    training = EventAccumulator(str(folder / "eval_train"), size_guidance={"tensors": 0}).Reload()
    measured = {name for name, value in result["training_sample"]["metrics"].items() if value is not None}
    assert set(training.Tags()["tensors"]) == measured | sheets


def test_moving_averages_are_used_when_the_configuration_says_so(config, prefix):
    from boxwright.detector import inference

    averaged = type(config)()
    averaged.CopyFrom(config)
    averaged.eval_config.use_moving_averages = True
    name = "BoxPredictor_0/ClassPredictor/weights"
    plain, moving = (inference.load(one, prefix).variables[name].numpy() for one in (config, averaged))
    np.testing.assert_allclose(moving, 0.9 * plain, rtol=1e-6)


def test_no_moving_averages_where_there_should_be_is_an_error(tmp_path, config):
    from boxwright.checkpoints import checkpoint_files
    from boxwright.detector import inference
    from boxwright.detector.build import build

    averaged = type(config)()
    averaged.CopyFrom(config)
    averaged.eval_config.use_moving_averages = True
    values = {name: value.numpy() for name, value in build(config.model).variables.items()}
    checkpoint_files.write(tmp_path / "model.ckpt-1", values)
    with pytest.raises(UserError, match=r"use_moving_averages is true, but the checkpoint .* has no moving averages"):
        inference.load(averaged, tmp_path / "model.ckpt-1")


def test_a_diverged_checkpoint_is_an_error(tmp_path, config, prefix, shards):
    from boxwright.checkpoints import checkpoint_files
    from boxwright.evaluation import run

    reader = checkpoint_files.read(prefix)
    values = {name: reader.value(name) for name in reader.shapes}
    values["BoxPredictor_0/BoxEncodingPredictor/biases"] = np.full(12, np.nan, np.float32)
    checkpoint_files.write(tmp_path / "model.ckpt-30", values)
    out = outputs_in(tmp_path)
    with pytest.raises(UserError, match=r"not numbers.*pictures/"):
        run.run(
            config, tmp_path / "model.ckpt-30", shards, shards, LABEL_MAP, out, model="small", step=30, seed=0
        )  # fmt: skip
    assert not any(path.exists() for path in out)


def test_classes_that_the_model_does_not_know_are_an_error(tmp_path, config, prefix, shards):
    from boxwright.evaluation import run

    with pytest.raises(UserError, match=r"3 classes, so it cannot detect: elk \(4\)"):
        run.run(
            config, prefix, shards, shards, LABEL_MAP | {"elk": 4}, outputs_in(tmp_path), model="small", step=30, seed=0
        )  # fmt: skip
