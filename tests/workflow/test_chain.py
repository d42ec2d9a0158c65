"""The whole chain on a few drawn photographs, through real Snakemake."""

import json
import os
import subprocess
import sys

from boxwright.dataset import label_map
from boxwright.dataset.formats import voc
from tests.workflow.conftest import ROOT

OD_API_OUTPUTS = {
    "detection_boxes",
    "detection_scores",
    "detection_classes",
    "num_detections",
    "raw_detection_boxes",
    "raw_detection_scores",
    "detection_multiclass_scores",
}


def test_every_stage_ran_once(finished):
    assert finished.first.jobs == {
        "check_annotations": 1,
        "split_dataset": 1,
        "write_label_map": 1,
        "write_records": 3,
        "write_ground_truth": 1,
        "configure_pipeline": 1,
        "train_segment": 2,
        "preview_training": 1,
        "collect_training_log": 1,
        "evaluate_checkpoint": 2,
        "choose_checkpoint": 1,
        "measure_optimism": 1,
        "export_detector": 1,
        "export_frozen_graph": 1,
        "export_saved_model": 1,
        "measure_frozen_graph": 1,
        "measure_saved_model": 1,
        "compare_forms": 1,
        "predict_images": 1,
        "describe_dataset": 1,
        "measure_anchors": 1,
        "draw_model": 1,
        "compare_models": 1,
    }


def test_the_results_tree_is_whole(finished):
    model = finished / "results/models/small"
    wanted = [
        *(f"model.ckpt-{step}.{part}" for step in (3, 6) for part in ("index", "data-00000-of-00001")),
        *("checkpoint", "log.jsonl", "events.out.tfevents.0000000003", "events.out.tfevents.0000000006"),
    ]
    assert {path.name for path in (model / "train").iterdir() if path.is_file()} == set(wanted)
    assert {path.name for path in (model / "eval/3").iterdir()} == {"metrics.json", "analysis.json", "detections.json"}
    assert {path.name for path in (model / "fine_tuned_model").iterdir()} >= {
        *("frozen_inference_graph.pb", "saved_model", "pipeline.config", "label_map.pbtxt", "checkpoint"),
        *("model.ckpt.index", "model.ckpt.data-00000-of-00001", "export.json", "forms.json", "labels.txt"),
    }
    report = json.loads((model / "fine_tuned_model/export.json").read_text())
    assert set(report["forms"]) == {"frozen_graph", "saved_model", "checkpoint"}
    assert all(one["share"] == 1 for one in report["same_detections"].values())
    assert not list((finished / "results").rglob("*.tmp"))


def test_the_label_map_counts_from_one(finished):
    assert label_map.read(finished / "results/data/label_map.pbtxt") == {
        "circle": 1,
        "square": 2,
        "star": 3,
        "triangle": 4,
    }


def test_the_log_has_losses_and_rates(finished):
    lines = (finished / "results/models/small/train/log.jsonl").read_text().splitlines()
    log = [json.loads(line) for line in lines]
    assert log[-1]["step"] == 6
    assert {"learning_rate", "Loss/localization_loss", "Loss/classification_loss", "Loss/total_loss"} <= log[-1].keys()
    assert [entry["step"] for entry in log] == sorted({entry["step"] for entry in log})


def test_metrics_carry_the_od_apis_names(finished):
    metrics = json.loads((finished / "results/models/small/eval/6/metrics.json").read_text())
    assert (metrics["model"], metrics["step"], metrics["seed"]) == ("small", 6, 0)
    assert {"DetectionBoxes_Precision/mAP", "DetectionBoxes_Recall/AR@100"} <= metrics["metrics"].keys()
    assert all(value is None or 0 <= value <= 1 for value in metrics["metrics"].values())


def test_a_tf1_program_reads_the_exported_model(finished):
    program = """
import sys, numpy as np, tensorflow as tf
with tf.compat.v1.Session(graph=tf.Graph()) as session:
    meta = tf.compat.v1.saved_model.loader.load(session, ["serve"], sys.argv[1])
    signature = meta.signature_def["serving_default"]
    assert list(signature.inputs) == ["inputs"], signature.inputs
    outputs = {name: session.graph.get_tensor_by_name(name + ":0") for name in sys.argv[2:]}
    for shape in ((1, 120, 90, 3), (2, 64, 200, 3)):
        found = session.run(outputs, {"image_tensor:0": np.zeros(shape, np.uint8)})
        assert all(len(value) == shape[0] for value in found.values())
        assert (found["detection_classes"][0, : int(found["num_detections"][0])] >= 1).all()
"""
    folder = finished / "results/models/small/fine_tuned_model/saved_model"
    command = [sys.executable, "-c", program, str(folder), *sorted(OD_API_OUTPUTS)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr


def test_predictions_are_drawn_for_every_held_out_image(finished):
    held_out = [
        line.split("\t")[0]
        for line in (finished / "results/data/split.tsv").read_text().splitlines()
        if "\teval" in line
    ]
    assert held_out
    folder = finished / "results/models/small/predictions"
    for name in held_out:
        stem = folder / name.removesuffix(".jpg")
        found = json.loads(stem.with_suffix(".json").read_text())
        assert stem.with_suffix(".jpg").stat().st_size > 1000
        assert len(voc.read(stem.with_suffix(".xml").read_bytes()).statements[0].boxes) == len(found["detections"])


def test_lint_and_catalog_entry():
    for snakefile in ("Snakefile", "workflow/Snakefile"):
        command = [sys.executable, "-m", "snakemake", "--snakefile", snakefile, "--lint"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
