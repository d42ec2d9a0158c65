"""What is measured of a form beside its checkpoint, and what forms.json says of it."""

import os

import numpy as np
import pytest

from boxwright import devices
from boxwright.catalog import forms
from boxwright.export import measured, summary
from boxwright.runtimes import frozen_graph

MAP, MAP50 = summary.MAP, summary.MAP50


def metrics(value: float, **others) -> dict:
    return {"model": "owls", "step": 30, "images": 5, "metrics": {MAP: value / 2, MAP50: value}, **others}


def content(form: str, share: float, checkpoint: dict) -> dict:
    again = {"share": share, "max_box": 0.0, "max_score": 0.0, "detections": 9, "tolerance": 1e-4}
    times = {"ms": {"1": {"median": 4.0, "quartiles": [3.0, 5.0]}}, "device": "CPU, 1 processor"}
    return measured.content(forms.named(form), metrics(0.8), checkpoint, again, times, 1_000_000)


def test_rows_of_a_checkpoint_in_rounded_products_do_not_judge_a_form():
    rounded = metrics(0.9, inference_precision="bfloat16")
    assert measured.tolerance(forms.named("onnx")) == 1e-4
    assert measured.tolerance(forms.named("onnx"), metrics(0.9, inference_precision="float32")) == 1e-4
    assert measured.tolerance(forms.named("onnx"), rounded) == 1e-2
    assert measured.tolerance(forms.named("tflite_int8"), rounded) == 0.1
    assert len(content("onnx", 0.3, metrics(0.9))["complaints"]) == 1
    assert content("onnx", 0.3, rounded)["complaints"] == []
    # mAP still does.
    assert len(content("tflite_int8", 0.3, rounded)["complaints"]) == 1


def test_the_figure_names_the_most_threads():
    one = content("onnx", 1.0, metrics(0.8))
    assert measured.figure(one) == "mAP@.50IOU 0.800, 100.0% found again, 4 ms with 1 thread, 1.0 MB"
    one["ms"]["2"] = {"median": 3.0, "quartiles": [2.0, 4.0]}
    assert "3 ms with 2 threads" in measured.figure(one)


def test_times_are_those_of_processes_with_so_many_threads(exported, images, monkeypatch):
    """A session of TensorFlow fixes the threads of its whole process, and this one has had several."""
    asked = []
    own = measured.timing.subprocess.run

    def run(command, **settings):
        asked.append(command[-1])
        return own(command, **settings)

    monkeypatch.setattr(measured.timing.subprocess, "run", run)
    form, path = forms.named("frozen_graph"), exported / "frozen_inference_graph.pb"
    monkeypatch.setattr(devices, "processors", lambda: 16)
    detect = frozen_graph.load(path)
    found = measured.times(form, path, images, detect, False)
    assert list(found["ms"]) == asked == [str(number) for number in (1, 2) if number <= os.cpu_count()]
    assert found["device"] == "CPU, 16 processors"
    monkeypatch.setattr(devices, "processors", lambda: 2)
    for on_gpu, others in ((False, ["1"]), (True, [str(number) for number in (1, 2) if number <= os.cpu_count()])):
        asked.clear()
        both = measured.times(form, path, images, detect, on_gpu)
        assert asked == others and set(both["ms"]) == {*others} | (set() if on_gpu else {"2"})
    assert all(np.isfinite(one["median"]) and one["median"] > 0 for one in found["ms"].values())


def test_the_summary_has_the_test_side_and_other_ways():
    again = {"share": 0.9, "max_box": 1e-3, "max_score": 1e-3, "detections": 7, "tolerance": 1e-4}
    checks = {
        "checkpoint": {"bytes": 5},
        "onnx": {"bytes": 4},
        "openvino": {"bytes": 3, "default_precision": {"share": 0.8}},
    }
    tests = {"checkpoint": metrics(0.7), "onnx": metrics(0.6, found_again=again)}
    listed = summary.measured({}, checks, metrics(0.9), tests)["forms"]
    assert list(listed) == ["onnx", "openvino", "checkpoint"]
    assert listed["openvino"]["default_precision"] == {"share": 0.8} and "test" not in listed["openvino"]
    assert listed["onnx"]["test"]["found_again"] == again and listed["onnx"]["test"]["mAP50"] == 0.6
    assert "found_again" not in listed["checkpoint"]["test"]
    assert listed["checkpoint"]["mAP50"] == pytest.approx(0.9)
