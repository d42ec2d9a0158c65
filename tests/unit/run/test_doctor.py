"""The doctor names what would fail."""

import errno
import json
import os
from pathlib import Path

import pytest

from boxwright import cli
from boxwright.catalog.extractors import EXTRACTORS
from boxwright.run import doctor, room, settings
from boxwright.run.doctor import FAILS, OK, WARNING
from boxwright.zoo import catalogue, fetch

TEMPLATES = Path(__file__).resolve().parents[3] / "config/pipelines"

CPU = {"version": "2.21.0", "cuda": None, "cudnn": None, "gpus": []}
GPU = {"version": "2.21.0", "cuda": "12.9", "cudnn": "9", "gpus": ["A100"]}
BLIND = {**GPU, "gpus": []}
CARD = ["A100, 80000 MiB free of 81000 MiB, driver 550.1"]


def run(gpus: int) -> dict:
    model = {"gpus": gpus, "tf_threads": 2, "pipeline": None, "checkpoint": "zoo:faster_rcnn_resnet101_coco_2018_01_28"}
    steps = {"num_steps": 1000, "checkpoint_every": 100, "keep": None}
    given = {"demo": False, "records": None, "sources": None, "images": ["photos"], "annotations": ["labels"]}
    exported = {"also": []}
    return {"models": {"m": model | steps}, "dataset": given, "export": exported, "results": "results"}


@pytest.mark.parametrize(
    ("found", "cards", "gpus", "level", "text"),
    [
        (CPU, [], 0, OK, "none"),
        (CPU, [], 1, WARNING, "`gpus` requests 1"),
        (CPU, CARD, 0, WARNING, "BUILD=gpu"),
        (CPU, CARD, 1, FAILS, "BUILD=gpu"),
        (BLIND, CARD, 1, FAILS, "driver"),
        (GPU, CARD, 1, OK, "A100"),
        (GPU, CARD, 4, WARNING, "`gpus` requests 4"),
    ],
)
def test_gpus(found, cards, gpus, level, text):
    finding = next(one for one in doctor.tensorflow(found, cards, run(gpus)) if one.what == "GPUs")
    assert finding.level == level
    assert text in finding.text


def test_a_tensorflow_that_does_not_import_fails():
    assert [one.level for one in doctor.tensorflow(None, [], None)] == [FAILS]


@pytest.mark.parametrize(("available", "level"), [(1000, FAILS), (5000, WARNING), (20000, OK)])
def test_memory_is_held_against_the_largest_job(available, level):
    (finding,) = doctor.memory(available, run(1))
    assert (finding.level, "requests 12000 MB" in finding.text) == (level, True)


def test_disk_is_held_against_the_checkpoints_and_records():
    (finding,) = doctor.disk(6000, run(0))
    here = Path.cwd()
    assert finding == (FAILS, "disk", f"6000 MB free in {here}; the run needs about 7000 MB")
    assert [one.level for one in doctor.disk(9000, run(0))] == [OK]
    assert [one.level for one in doctor.disk(1000, None)] == [FAILS]


def test_the_disk_is_that_of_the_results_and_what_is_there_tells_the_size(tmp_path):
    wanted = run(0) | {"results": str(tmp_path / "elsewhere/results")}
    assert doctor._disk_of(wanted) == tmp_path and doctor._disk_of(None) == Path.cwd()
    train = tmp_path / "elsewhere/results/models/m/train"
    train.mkdir(parents=True)
    (train / "model.ckpt-100.data-00000-of-00001").write_bytes(bytes(3_000_000))
    (finding,) = doctor.disk(6000, wanted)
    assert finding == (OK, "disk", f"6000 MB free in {tmp_path}/elsewhere/results; the run needs about 2030 MB")
    for every, size in ((None, 9), (500, 15), (100, 30)):
        wanted["models"]["m"]["keep"] = {"best": 1, "last": 1, "every": every}
        (finding,) = doctor.disk(6000, wanted)
        assert f"about {2000 + size} MB" in finding.text
    wanted["models"]["m"]["keep"]["every"], wanted["export"]["also"] = None, [100, 200]
    (finding,) = doctor.disk(6000, wanted)
    assert "about 2015 MB" in finding.text


@pytest.mark.parametrize(
    ("given", "mb"),
    [
        ({"images": ["a"], "annotations": ["b"]}, 3),
        ({"images": None, "annotations": ["a"]}, 3),
        ({"sources": [{"images": ["a"], "annotations": ["b"]}, {"images": ["b"], "annotations": ["b"]}]}, 8),
        ({"records": {"train": ["t.tfrecord"], "eval": ["e.tfrecord"]}}, 9),
    ],
)
def test_the_records_are_as_large_as_the_images_wherever_these_are(tmp_path, monkeypatch, given, mb):
    monkeypatch.chdir(tmp_path)
    sizes = {"a/1.jpg": 1, "a/deeper/2.png": 2, "a/1.xml": 4, "b/3.jpg": 5, "t.tfrecord": 6, "e.tfrecord": 3}
    for name, size in sizes.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size * 10**6))
    assert room.records_mb(run(0) | {"dataset": run(0)["dataset"] | given}) == mb


def test_the_size_of_a_checkpoint_is_that_of_the_extractor_in_the_archive(tmp_path, monkeypatch):
    """Before it is here, of the one that the catalogue names; the name of the detector need not tell it."""
    monkeypatch.chdir(tmp_path)
    model = run(0)["models"]["m"] | {"checkpoint": "zoo:centernet_resnet50_v2_512x512_coco17_tpu-8"}
    assert room.checkpoint_mb("results", "m", model) == EXTRACTORS["resnet_v2_50"].checkpoint_mb
    config = catalogue.find(model["checkpoint"]).pipeline
    config.parent.mkdir(parents=True)
    config.write_text('feature_extractor { type: "mobilenet_v2_fpn" }')
    assert room.checkpoint_mb("results", "m", model) == EXTRACTORS["mobilenet_v2_fpn"].checkpoint_mb


def test_the_time_is_that_of_a_measured_step(tmp_path):
    wanted = run(0) | {"results": str(tmp_path)}
    (finding,) = doctor.times(wanted)
    assert finding.text.startswith("m: unknown for 1,000 steps")
    log = tmp_path / "models/m/train/log/100.jsonl"
    log.parent.mkdir(parents=True)
    log.write_text(
        "".join(f'{{"step": {step}, "steps_per_sec": {pace}}}\n' for step, pace in ((1, 0.1), (2, 2), (3, 2)))
    )
    (finding,) = doctor.times(wanted)
    assert finding == (OK, "time", "m: about 8 min for 1,000 steps, at the 2.00 steps/s of its last training")
    taken = tmp_path / "benchmarks/train_segment/m-100.tsv"
    taken.parent.mkdir(parents=True)
    taken.write_text("s\th:m:s\n350.5\t0:05:50\n")  # 100 steps take 50 s, and the start of the segment the rest
    (finding,) = doctor.times(wanted)
    segments = len(settings.checkpoint_steps(wanted["models"]["m"]))
    assert finding.text.startswith(f"m: about {round((500 + 300.5 * segments) / 60)} min for 1,000 steps")


def test_another_python_fails(monkeypatch):
    monkeypatch.setattr(doctor.sys, "version_info", (3, 14, 0))
    finding = next(iter(doctor._python()))
    assert finding.level == FAILS
    assert "3.11 to 3.13" in finding.text


def test_a_missing_package_fails_and_a_missing_plugin_does_not(monkeypatch):
    monkeypatch.setattr(doctor, "PACKAGES", ("no-such-package",))
    assert [one.level for one in doctor._packages()] == [FAILS]
    monkeypatch.setattr(doctor, "PLUGINS", {"no_such_plugin_slurm": ("profiles/slurm", "make env")})
    assert list(doctor._plugins()) == [
        (OK, "no-such-plugin-slurm", "not installed; only profiles/slurm needs it (make env)")
    ]


def test_the_demo_is_not_drawn(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    model = {"pipeline": str(TEMPLATES / "demo_ssd.config"), "num_steps": 2, "checkpoint_every": 2}
    Path("my.yaml").write_text(json.dumps({"dataset": {"demo": True}, "models": {"m": model}}))
    assert doctor._read("my.yaml")[1] == [(OK, "configuration", "my.yaml")]
    assert [path.name for path in tmp_path.iterdir()] == ["my.yaml"]


NAME = "ssd_mobilenet_v1_coco_2018_01_28"


def of_zoo(**model) -> dict:
    usual = {"checkpoint": f"zoo:{NAME}", "pipeline": "a.config", "repeat_of": None}
    return {"models": {"m": usual | model}, "zoo_trust": False}


@pytest.mark.parametrize(
    ("model", "remedy"),
    [
        ({}, "or set `models.m.checkpoint` to files that are here. Behind a proxy, set https_proxy"),
        ({"pipeline": None}, "or set `models.m.checkpoint` and `models.m.pipeline` to files that are here."),
    ],
)
def test_an_archive_that_cannot_be_downloaded_fails(monkeypatch, tmp_path, model, remedy):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(fetch.MIRROR, tmp_path.as_uri())
    ((level, what, text),) = doctor.downloads(of_zoo(**model))
    assert (level, what) == (FAILS, "model zoo")
    assert text.startswith(f"{NAME} (77 MB) cannot be downloaded: ") and "o such file" in text
    assert f"/{NAME}.tar.gz, at resources/zoo/{NAME}.tar.gz by hand, {remedy}" in text
    Path(f"{NAME}.tar.gz").touch()
    assert [*doctor.downloads(of_zoo())] == [(OK, "model zoo", f"{NAME} (77 MB) will be downloaded")]
    Path("resources/zoo").mkdir(parents=True)
    Path(f"resources/zoo/{NAME}.tar.gz").touch()
    assert [*doctor.downloads(of_zoo()), *doctor.downloads(of_zoo(checkpoint="mine")), *doctor.downloads(None)] == []


def test_an_address_that_is_none_is_told(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(fetch.MIRROR, "nowhere")
    ((level, _, text),) = doctor.downloads(of_zoo())
    assert level == FAILS and f"{fetch.MIRROR} is 'nowhere'" in text


def test_a_file_that_cannot_be_read_is_told_in_a_sentence(monkeypatch, capsys):
    def refuse(config):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "photos")

    monkeypatch.setattr(doctor, "examine", refuse)
    assert cli.main(["doctor"]) == 1
    assert capsys.readouterr().err == f"photos: {os.strerror(errno.EACCES)}.\n"


@pytest.mark.parametrize(
    ("levels", "last"),
    [
        ((OK,), "Everything is fine."),
        ((OK, WARNING), "Nothing would fail, and 1 thing is worth a look (!)."),
        ((FAILS, OK), "1 thing would fail (x)."),
        ((FAILS, WARNING, FAILS, WARNING), "2 things would fail (x), and 2 things are worth a look (!)."),
    ],
)
def test_every_mark_is_explained(levels, last):
    shown = doctor.table([doctor.Observation(level, "disk", "full\nof pictures") for level in levels])
    *lines, empty, end = shown.splitlines()
    assert (empty, end) == ("", last) and lines[1] == "        of pictures"
    for mark, level in (("x ", FAILS), ("! ", WARNING), ("  ", OK)):
        assert sum(line.startswith(f"{mark}disk") for line in lines) == levels.count(level)
        assert mark == "  " or (f"({mark.strip()})" in last) == (level in levels)


def test_the_command_says_so_in_its_exit_status(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(doctor, "ask_tensorflow", lambda: CPU)
    monkeypatch.setattr(doctor, "nvidia_gpus", list)
    assert cli.main(["doctor"]) == 0
    assert "Python" in capsys.readouterr().out
    broken = tmp_path / "my.yaml"
    broken.write_text("models: {}\n")
    assert cli.main(["doctor", "--configfile", str(broken)]) == 1
    shown = capsys.readouterr().out
    assert "x configuration" in shown
    assert "would fail" in shown
