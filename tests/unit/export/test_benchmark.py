"""`boxwright benchmark`: size and speed of each form, measured in processes of their own."""

import time

import numpy as np
import pytest
from PIL import Image

from boxwright import cli
from boxwright.catalog import forms
from boxwright.export import benchmark, timing
from boxwright.runtimes import find


def test_a_time_is_the_median_after_the_warm_up():
    seen = []

    def detect(image):
        seen.append(image.shape)
        time.sleep(0.05 if len(seen) <= 2 else 0.002)

    images = [np.zeros(shape, np.uint8) for shape in ((4, 5, 3), (6, 5, 3), (4, 5, 3))]
    found = timing.times(detect, images)
    assert seen[:3] == [(1, 4, 5, 3), (1, 6, 5, 3), (1, 4, 5, 3)] and len(seen) == 32
    low, high = found["ms_quartiles"]
    assert 2 <= low <= found["ms_per_image"] <= high < 40


def test_what_slows_the_machine_slows_all_detectors_that_take_turns():
    """A busy time at the start hits both; measured one after the other, the fast one would seem the slow one."""
    seen = {"fast": [], "slow": []}

    def of(name, seconds):
        def detect(image):
            busy = 0.02 if sum(map(len, seen.values())) < 50 else 0.0
            seen[name].append(image.shape)
            time.sleep(seconds + busy)

        return detect

    images = [np.zeros(shape, np.uint8) for shape in ((4, 5, 3), (6, 5, 3), (4, 5, 3))]
    found = timing.in_turns({"fast": of("fast", 0.001), "slow": of("slow", 0.01)}, images)
    assert list(found) == ["fast", "slow"] and set(found["fast"]) == {"ms_per_image", "ms_quartiles"}
    assert seen["fast"] == seen["slow"] and len(seen["fast"]) == 2 + 2 * 30, "the same images, equally often"
    assert 1 <= found["fast"]["ms_per_image"] < 10 <= found["slow"]["ms_per_image"]


def test_a_slow_detector_does_not_shorten_the_turns_of_another(monkeypatch):
    """The seconds are those of all together, so each has a share of them; three rounds are the least."""
    monkeypatch.setattr(timing, "_MOST_SECONDS", 0.0)
    turns = []
    detectors = {name: lambda image, name=name: turns.append(name) for name in "abc"}
    timing.in_turns(detectors, [np.zeros((4, 4, 3), np.uint8)])
    rounds = [turns[start : start + 6] for start in range(3, len(turns), 6)]
    assert len(rounds) == 3
    for one in rounds:
        assert sorted(one[::2]) == ["a", "b", "c"] and one[::2] == one[1::2], "twice each, one after the other"
    assert len({tuple(one) for one in rounds}) > 1, "in changing order, so that none always follows the same"


def test_the_forms_of_a_folder_are_measured(standard, images):
    measured = benchmark.run(find.find(standard[0]), False, images)
    assert [one.form.name for one in measured] == ["onnx", "openvino", "openvino_float16"]
    for one in measured:
        assert one.bytes == sum((standard[0] / name).stat().st_size for name in one.form.files)
        assert 1 in one.times and set(one.times) <= {1, 2}
        assert all(times["ms_per_image"] > 0 for times in one.times.values())


def test_the_table():
    times = {"ms_per_image": 11.24, "ms_quartiles": [10.0, 12.5]}
    measured = [
        benchmark.FormTimes(forms.named("onnx"), 16_500_000, {1: times, 2: times}),
        benchmark.FormTimes(forms.named("openvino_float16"), 8_000_000, {1: times, 2: times}),
    ]
    assert benchmark.table(measured).splitlines() == [
        "form                MB         ms, 1 thread        ms, 2 threads",
        "onnx              16.5  11.2 (10.0 to 12.5)  11.2 (10.0 to 12.5)",
        "openvino_float16   8.0  11.2 (10.0 to 12.5)  11.2 (10.0 to 12.5)",
    ]


def test_the_table_shows_what_a_run_measured(tmp_path):
    times = {"ms_per_image": 11.24, "ms_quartiles": [10.0, 12.5]}
    for content, known in (
        ('{"forms": {"onnx": {"mAP50": 0.9251}, "tflite": {"mAP50": null}}}', {"onnx": 0.9251}),
        ("{", {}),
        ('{"forms": []}', {}),
    ):
        (tmp_path / forms.MEASURED).write_text(content)
        assert benchmark._measured(tmp_path) == known
    measured = [
        benchmark.FormTimes(forms.named("onnx"), 16_500_000, {1: times}, accuracy=0.9251),
        benchmark.FormTimes(forms.named("tflite"), 8_000_000, {1: times}),
    ]
    assert benchmark.table(measured).splitlines() == [
        "form    mAP@.50IOU    MB         ms, 1 thread",
        "onnx         0.925  16.5  11.2 (10.0 to 12.5)",
        "tflite         n/a   8.0  11.2 (10.0 to 12.5)",
    ]


def test_one_form_is_measured_alone(standard, monkeypatch, capsys):
    times = {"ms_per_image": 11.24, "ms_quartiles": [10.0, 12.5]}
    asked = []
    monkeypatch.setattr(timing, "by_threads", lambda form, *_: asked.append(form.name) or {1: times})
    assert cli.main(["benchmark", str(standard[0] / "openvino")]) == 0
    assert asked == ["openvino"] and "openvino" in capsys.readouterr().out
    assert cli.main(["benchmark", str(standard[0])]) == 0
    assert asked[1:] == ["onnx", "openvino", "openvino_float16"]
    assert cli.main(["benchmark", str(standard[0]), "nowhere.png"]) == 1
    assert "There is no file or folder nowhere.png" in capsys.readouterr().err


def test_an_image_that_cannot_be_read_is_left_out_and_said(standard, images, tmp_path, monkeypatch, capsys):
    times, seen = {"ms_per_image": 11.24, "ms_quartiles": [10.0, 12.5]}, []
    monkeypatch.setattr(timing, "by_threads", lambda form, path, images: seen.append(len(images)) or {1: times})
    Image.fromarray(images[0]).save(tmp_path / "owl.png")
    (tmp_path / "cut.jpg").write_bytes(b"no image")
    assert cli.main(["benchmark", str(standard[0] / "openvino"), str(tmp_path)]) == 0
    told = capsys.readouterr()
    assert seen == [1] and "openvino" in told.out and f"Left out: {tmp_path / 'cut.jpg'} cannot be read" in told.err
    assert cli.main(["benchmark", str(standard[0] / "openvino"), str(tmp_path / "cut.jpg")]) == 1
    assert seen == [1] and "The only image cannot be read: cut.jpg." in capsys.readouterr().err


def test_one_form_that_does_not_run_leaves_the_others(standard, tmp_path, monkeypatch, capsys):
    times = {"ms_per_image": 11.24, "ms_quartiles": [10.0, 12.5]}

    def by_threads(form, path, *_):
        if form.name == "onnx":
            raise RuntimeError(f"{path} does not run with 1 threads: cut")
        return {1: times}

    monkeypatch.setattr(timing, "by_threads", by_threads)
    assert cli.main(["benchmark", str(standard[0])]) == 1
    said = capsys.readouterr()
    assert [line.split()[0] for line in said.out.splitlines()] == ["form", "openvino", "openvino_float16"]
    assert said.err == f"{standard[0]}/detector.onnx does not run with 1 threads: cut\n"
    assert cli.main(["benchmark", str(standard[0] / "detector.onnx")]) == 1
    assert capsys.readouterr().out == ""


def test_a_checkpoint_alone_is_nothing_to_measure(standard, tmp_path, capsys):
    for name in ("model.ckpt.index", "model.ckpt.data-00000-of-00001", "label_map.pbtxt"):
        (tmp_path / name).symlink_to((standard[0] / name).resolve())
    assert cli.main(["benchmark", str(tmp_path)]) == 1
    assert f"There is no form to measure at {tmp_path}." in capsys.readouterr().err


def test_a_form_that_does_not_run_is_an_error(tmp_path):
    (tmp_path / "detector.onnx").write_bytes(b"nothing")
    with pytest.raises(RuntimeError, match=r"detector\.onnx does not run with 1 threads"):
        timing.by_threads(forms.named("onnx"), tmp_path / "detector.onnx", [np.zeros((8, 8, 3), np.uint8)], (1,))
