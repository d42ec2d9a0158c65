"""Which devices a process takes, and what it says about them."""

import subprocess
import sys

import pytest

from boxwright import devices
from boxwright.devices import Compute, Taken

HOLDER = """
import sys, time
from pathlib import Path
from boxwright import devices
print(devices._free(["0", "1"], 1, Path(sys.argv[1])), flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def nothing_held(monkeypatch):
    monkeypatch.setattr(devices, "_held", {})


def test_a_gpu_that_another_process_holds_is_left_to_it_as_long_as_it_lives(tmp_path):
    other = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline().strip() == "[0]"
        assert devices._free(["0", "1"], 1, tmp_path) == [1]
    finally:
        other.kill()
        other.wait()
    devices._held.clear()
    assert devices._free(["0", "1"], 1, tmp_path) == [0]


def test_where_all_gpus_are_held_one_is_shared(tmp_path, monkeypatch):
    monkeypatch.setattr(devices, "_hold", lambda identity, folder: False)
    assert devices._free(["0", "1", "2"], 2, tmp_path) == [0, 1]


def test_all_that_are_shown_are_taken_without_asking(tmp_path, monkeypatch):
    monkeypatch.setattr(devices, "_hold", lambda identity, folder: pytest.fail("asked"))
    assert devices._free(["0", "1"], 2, tmp_path) == [0, 1]
    assert devices._free(["0"], 4, tmp_path) == [0]
    assert devices._free([], 1, tmp_path) == []


@pytest.mark.parametrize(
    ("shown", "count", "identities"),
    [("", 2, ["0", "1"]), ("3,5", 2, ["3", "5"]), ("GPU-8a, GPU-9b", 2, ["GPU-8a", "GPU-9b"]), ("0,1", 1, ["0"])],
)
def test_gpus_are_told_apart_as_cuda_names_them(monkeypatch, shown, count, identities):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", shown)
    assert devices._identities(count) == identities


@pytest.mark.parametrize(
    ("compute", "names", "text"),
    [
        (Compute(), [], "Computing on the CPU, 2 threads, in float32."),
        (
            Compute(precision="bfloat16"),
            [],
            "Computing on the CPU, 2 threads, in float32 (bfloat16 is for GPUs).",
        ),
        (
            Compute(2, "bfloat16", jit_compile=True),
            ["A100", "A100"],
            "Computing on A100, A100 in bfloat16, compiled by XLA; memory as it is needed.",
        ),
        (Compute(1, memory_mb=4000), ["T4"], "Computing on T4 in float32; at most 4000 MB of memory each."),
    ],
)
def test_the_message_names_device_precision_and_memory(compute, names, text):
    assert devices._description(compute, names, 2) == text


def test_too_few_gpus_are_warned_of():
    assert devices._shortage(1, 0, cuda=False).startswith(
        "Warning: the model asks for 1 GPU, and TensorFlow sees none here (it is TensorFlow's build for CPUs"
    )
    assert "(" not in devices._shortage(1, 0, cuda=True)
    assert devices._shortage(4, 2, cuda=True).endswith("asks for 4 GPUs, and 2 can be seen here; going on with 2.")


def test_what_is_taken_is_returned_and_not_said(monkeypatch, capfd):
    tf = pytest.importorskip("tensorflow")
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    taken = devices.take(Compute(), threads=2)
    assert taken == Taken([], "Computing on the CPU, 2 threads, in float32.")
    short = devices.take(Compute(gpus=1))
    assert short.gpus == [] and short.shortage.startswith("Warning: the model asks for 1 GPU")
    assert "Computing" not in "".join(capfd.readouterr())


def test_a_shortage_is_warned_of_before_the_rest_is_said():
    said = []
    Taken([], "Computing.", "Too few.").tell(lambda text: said.append(f"said {text}"), said.append)
    assert said == ["Too few.", "said Computing."]


def test_inference_takes_one_gpu_and_its_own_share():
    model = {"gpus": 4, "gpu_memory_mb": {"train": 30000, "evaluate": 8000}}
    assert devices.of_inference(model) == Compute(1, memory_mb=8000)
