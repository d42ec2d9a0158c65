"""Which devices a process takes, and what it says about them."""

import subprocess
import sys

import pytest

from boxwright import devices
from boxwright.catalog.extractors import EXTRACTORS
from boxwright.devices import Compute, Taken, instructions

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
    ("compute", "names", "precision", "text"),
    [
        (Compute(), [], "float32", "Computing on the CPU, 2 threads, in float32."),
        (Compute(), [], "bfloat16", "Computing on the CPU, 2 threads, in float32 with products in bfloat16."),
        (Compute(), [], "float16", "Computing on the CPU, 2 threads, in float32 (float16 is for GPUs)."),
        (
            Compute(precision="float16"),
            [],
            "float32",
            "Computing on the CPU, 2 threads, in float32 (float16 is for GPUs).",
        ),
        (
            Compute(1, precision="float16"),
            ["T4"],
            "float32",
            "Computing on T4 in float32, in which the training began; memory as it is needed.",
        ),
        (Compute(1, precision="float16"), ["T4"], "float16", "Computing on T4 in float16; memory as it is needed."),
        (
            Compute(2, jit_compile=True),
            ["A100", "A100"],
            "bfloat16",
            "Computing on A100, A100 in bfloat16, compiled by XLA; memory as it is needed.",
        ),
        (Compute(1, memory_mb=4000), ["T4"], "float32", "Computing on T4 in float32; at most 4000 MB of memory each."),
    ],
)
def test_the_message_names_device_precision_and_memory(monkeypatch, compute, names, precision, text):
    monkeypatch.setattr(devices.instructions, "here", lambda: frozenset({"amx_bf16"}))
    assert devices._description(names, compute, precision, 2) == text


def test_a_processor_that_is_slow_in_bfloat16_is_said(monkeypatch):
    monkeypatch.setattr(devices.instructions, "here", frozenset)
    text = devices._description([], Compute(), "bfloat16", 0)
    assert text.endswith("in bfloat16 (slower than float32 here: this processor has no instructions for them).")


@pytest.mark.parametrize(
    ("asked", "here", "faster_with", "told"),
    [
        ("auto", {"amx_bf16", "avx512_bf16"}, (), True),
        ("auto", {"avx512_bf16"}, ("amx_bf16",), True),
        ("auto", {"amx_bf16"}, ("amx_bf16",), False),  # it goes on from a checkpoint that began in float32
        ("auto", set(), (), False),
        ("float32", {"amx_bf16"}, (), False),
    ],
)
def test_a_network_that_auto_leaves_in_float32_is_said(monkeypatch, asked, here, faster_with, told):
    monkeypatch.setattr(devices.instructions, "here", lambda: frozenset(here))
    said = []
    Taken([], Compute(precision=asked)).tell(said.append, said.append, "float32", 2, faster_with)
    left = ", which `auto` is for this feature extractor here" if told else ""
    assert said == [f"Computing on the CPU, 2 threads, in float32{left}."]
    assert "auto" not in devices._description(["T4"], Compute(precision=asked), "float32", 2, faster_with)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("processor : 0\nflags\t\t: fpu avx512_bf16 amx_bf16 amx_tile\nflags : other", {"avx512_bf16", "amx_bf16"}),
        ("flags: avx512_bf16x", set()),
        ("Features : bf16", set()),
        ("", set()),
    ],
)
def test_instructions_are_those_that_linux_names(monkeypatch, tmp_path, text, found):
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    (tmp_path / "cpuinfo").write_text(text)
    assert instructions.here(tmp_path / "cpuinfo") == found
    assert instructions.here(tmp_path / "none") == set()
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert instructions.here(tmp_path / "cpuinfo") == set()


def test_auto_is_decided_by_instructions_and_extractor(monkeypatch):
    monkeypatch.setattr(devices.instructions, "here", lambda: frozenset({"avx512_bf16", "amx_bf16"}))
    assert devices.precision_of("auto", 0, ("amx_bf16",)) == "bfloat16"
    assert devices.precision_of("auto", 0, ()) == "float32"
    assert devices.precision_of("auto", 1, ("amx_bf16",)) == "float32"
    assert [devices.precision_of("float16", gpus, ("amx_bf16",)) for gpus in (0, 1)] == ["float32", "float16"]
    measured = {name: row.bfloat16_with for name, row in EXTRACTORS.items() if row.bfloat16_with}
    assert measured == {"ssd_mobilenet_v1": ("amx_bf16",)} and "amx_bf16" in instructions.KNOWN


def test_too_few_gpus_are_warned_of():
    assert devices._shortage(1, 0, cuda=False).startswith(
        "Warning: the model asks for 1 GPU, but TensorFlow sees none (this is TensorFlow's CPU build"
    )
    assert "(" not in devices._shortage(1, 0, cuda=True)
    assert devices._shortage(4, 2, cuda=True).endswith("asks for 4 GPUs, but only 2 can be seen here; going on with 2.")


def test_what_is_taken_is_returned_and_not_said(monkeypatch, capfd):
    tf = pytest.importorskip("tensorflow")
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    taken = devices.take(Compute())
    assert taken == Taken([], Compute())
    short = devices.take(Compute(gpus=1))
    assert short.gpus == [] and short.shortage.startswith("Warning: the model asks for 1 GPU")
    assert "Computing" not in "".join(capfd.readouterr())


def test_a_shortage_is_warned_of_before_the_rest_is_said():
    said = []
    Taken([], Compute(), "Too few.").tell(lambda text: said.append(f"said {text}"), said.append)
    assert said == ["Too few.", "said Computing on the CPU, in float32."]


def test_inference_takes_one_gpu_and_its_own_share():
    model = {"gpus": 4, "gpu_memory_mb": {"train": 30000, "evaluate": 8000}}
    assert devices.of_inference(model) == Compute(1, memory_mb=8000)
    assert devices.of_inference(model, on_gpus=False, precision="bfloat16") == Compute(0, "bfloat16", memory_mb=8000)


@pytest.mark.parametrize(
    ("wanted", "has", "gpus", "used", "told"),
    [
        ("float32", {"amx_bf16"}, [], "float32", "on the CPU, in float32."),
        ("bfloat16", {"amx_bf16", "avx512_bf16"}, [], "bfloat16", "on the CPU, in float32 with products in bfloat16."),
        # With these alone oneDNN computes in float32.
        ("bfloat16", {"avx512_bf16"}, [], "float32", "in float32 (TensorFlow rounds to bfloat16 with AMX-BF16 alone, "),
        ("bfloat16", set(), [], "float32", "in float32 (this processor has no instructions for bfloat16)."),
        ("bfloat16", {"amx_bf16"}, ["T4"], "float32", "on T4 in float32 (products in bfloat16 are for CPUs); memory"),
        ("auto", {"amx_bf16"}, [], "float32", "on the CPU, in float32."),
    ],
)
def test_an_inference_is_rounded_on_request_where_a_cpu_can_do_it(monkeypatch, wanted, has, gpus, used, told):
    monkeypatch.setattr(devices.instructions, "here", lambda: frozenset(has))
    monkeypatch.setattr(devices.os, "environ", {})
    devices.infer_in(wanted)
    can = wanted == "bfloat16" and "amx_bf16" in has
    assert devices.os.environ == ({"TF_SET_ONEDNN_FPMATH_MODE": "BF16"} if can else {})
    taken, said = Taken(gpus, Compute(len(gpus), wanted)), []
    assert taken.inference_precision == used
    taken.tell(said.append, said.append)
    assert len(said) == 1 and told in said[0]


def test_a_gpu_computes_an_inference_in_float32_and_a_training_as_tensorflow_does(monkeypatch):
    tf = pytest.importorskip("tensorflow")
    model = {"gpus": 0, "gpu_memory_mb": {"train": None, "evaluate": None}}
    model |= {"precision": "float32", "loss_scale": "dynamic", "jit_compile": False}
    set_to = []
    monkeypatch.setattr(tf.config.experimental, "enable_tensor_float_32_execution", set_to.append)
    for compute in (devices.of_inference(model), Compute(), devices.of_training(model)):
        devices.take(compute)
    assert set_to == [False, False, True]
    assert devices.take_for_detection() == Taken([], Compute()) and set_to[-1] is False
