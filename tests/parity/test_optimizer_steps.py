"""Five training steps of an SSD with each optimizer equal the OD API's: losses, rates, variables and slots."""

import importlib.util
import json

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format

from boxwright import protos
from boxwright.detector.build import build
from boxwright.detector.groundtruth import Groundtruth
from boxwright.training import segment
from boxwright.training.inputs import Batch
from boxwright.training.log import REGULARIZATION, TOTAL
from boxwright.training.step import GRADIENT, compile_step

SLOTS = {
    "rms": "RMSProp",
    "momentum": {"rms_prop_optimizer": "RMSProp_1", "momentum_optimizer": "Momentum"},
    "m": "Adam",
    "v": "Adam_1",
}
# What other CPU kernels give against the recording, to the two digits that are given for it: variables relative to the
# tensor's maximum after 1 and after 5 steps, total loss relative. A pre-activation that lies within rounding of 0 or 6
# flips its gradient; this is what the figures consist of, and Adam with a tiny epsilon amplifies it.
VARIABLES = {"after1": 1.35e-5, "after5": 3.05e-4}
VARIABLES_TINY_EPSILON = {"after1": 2.65e-3, "after5": 2.65e-3}
TOTAL_LOSS, EACH_LOSS = 2e-4, 1e-3
# Gradients of one step, as they stand in the slots after it: the L2 norm, relative.
SLOT_NORM = 1e-3


@pytest.fixture(scope="module")
def case(shared) -> dict:
    folder = shared / "parity/optimizer_steps"
    golden = json.loads((folder / "golden.json").read_text())
    spec = importlib.util.spec_from_file_location("fill", shared / "parity/fill.py")
    fill = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fill)
    arrays = np.load(folder / "outputs.npz")
    return {
        "golden": golden,
        "arrays": {name: arrays[name] for name in arrays.files},
        "weights": fill.weights(str(folder / "golden.json")),
    }


def batch_of(case: dict) -> Batch:
    boxes = case["golden"]["gt"]
    most = max(len(image["boxes"]) for image in boxes)

    def pad(key: str, dtype: type) -> np.ndarray:
        values = [np.asarray(image[key], dtype) for image in boxes]
        return np.stack([np.pad(v, [(0, most - len(v))] + [(0, 0)] * (v.ndim - 1)) for v in values])

    return Batch(
        tf.constant(case["arrays"]["preprocessed"]),
        tf.constant(case["arrays"]["true_image_shapes"]),
        Groundtruth(
            tf.constant(pad("boxes", np.float32)),
            tf.constant(pad("classes", np.int32)),
            tf.constant(pad("weights", np.float32)),
            tf.constant([len(image["boxes"]) for image in boxes]),
            tf.zeros([len(boxes), 0, 4]),
        ),
    )


RUNS = [
    "rms_prop_exponential_staircase",
    "momentum_cosine_warmup_clip",
    "adam_manual_step",
    "adam_constant_default_epsilon",
]


@pytest.mark.parametrize("name", RUNS)
def test_five_steps(case, name):
    golden = case["golden"]
    run = golden["runs"][name]
    config = text_format.Parse(golden["pipeline_config"], protos.TrainEvalPipelineConfig())
    config.train_config.gradient_clipping_by_norm = run["gradient_clipping_by_norm"]
    config.train_config.optimizer.CopyFrom(text_format.Parse(run["optimizer_config"], protos.Optimizer()))

    detector = build(config.model)
    assert detector.variables.keys() <= case["weights"].keys()
    for variable_name, variable in detector.variables.items():
        variable.assign(case["weights"][variable_name])
    assert len(detector.trainable) == run["trainable"]
    optimizer = segment.build_optimizer(
        config.train_config.optimizer, {name: detector.variables[name] for name in detector.trainable}
    )
    batch = batch_of(case)
    spec = tf.nest.map_structure(tf.TensorSpec.from_tensor, batch)
    step = compile_step(detector, optimizer, spec, **segment.numbers_of_step(config.train_config))

    for number, expected in enumerate(run["steps"]):
        rate = optimizer.schedule(number)
        assert rate == pytest.approx(expected["learning_rate"], rel=1e-6)
        losses = step(batch, rate, number)
        tiny_epsilon = name == "adam_constant_default_epsilon"
        expected_total = pytest.approx(expected["total_loss"], rel=EACH_LOSS if tiny_epsilon else TOTAL_LOSS)
        assert float(losses[TOTAL]) == expected_total, f"step {number}"
        assert float(losses[REGULARIZATION]) == pytest.approx(expected["regularization_loss"], rel=1e-6)
        each = {tag: float(losses[tag]) for tag in expected["losses"]}
        assert each == pytest.approx(expected["losses"], rel=EACH_LOSS), f"step {number}"
        if number == 0:
            norm = expected["global_grad_norm_before_clip"]
            assert float(losses[GRADIENT]) == pytest.approx(norm, rel=1e-5)
        if f"after{number + 1}" in VARIABLES:
            kind = config.train_config.optimizer.WhichOneof("optimizer")
            compare(case, name, f"after{number + 1}", detector, optimizer, kind)

    if "beta_powers_after" in run:
        powers = [optimizer.state[f"beta{i}_power"].numpy() for i in (1, 2)]
        np.testing.assert_allclose(powers, run["beta_powers_after"], rtol=1e-6)


def compare(case: dict, name: str, when: str, detector, optimizer, kind: str) -> None:
    """Recorded variables, and after one step the slots, against ours."""
    tolerances = VARIABLES_TINY_EPSILON if name == "adam_constant_default_epsilon" else VARIABLES
    compared = 0
    for key, expected in case["arrays"].items():
        if not key.startswith(f"{name}/{when}/"):
            continue
        what = key.removeprefix(f"{name}/{when}/")
        if not what.startswith("slot_"):
            worst = np.max(np.abs(detector.variables[what].numpy() - expected)) / np.max(np.abs(expected))
            assert worst <= tolerances[when], f"{key}: {worst:.2e} of its maximum"
            compared += 1
        elif when == "after1":
            slot, variable = what.removeprefix("slot_").split("/", 1)
            suffix = SLOTS[slot] if isinstance(SLOTS[slot], str) else SLOTS[slot][kind]
            found = optimizer.state[f"{variable}/{suffix}"].numpy()
            assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(expected), rel=SLOT_NORM), key
            compared += 1
    slots = len(case["golden"]["runs"][name]["slot_names"]) if when == "after1" else 0
    assert compared == len(case["golden"]["tracked_variables"]) * (1 + slots)
