"""Several replicas train as one does, and half the precision nearly so: on logical devices, in own processes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


def trained(folder: Path, replicas: int, kind: str, steps: int, precision: str = "float32") -> dict[str, np.ndarray]:
    """What replicas_process.py wrote."""
    out = folder / f"{replicas}-{kind}-{steps}-{precision}.npz"
    command = [sys.executable, "replicas_process.py", str(replicas), kind, str(steps), str(out), precision]
    done = subprocess.run(
        command, cwd=HERE, env={"PYTHONPATH": str(ROOT / "workflow")}, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr[-3000:]
    with np.load(out) as found:
        return dict(found)


def part(found: dict[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    return {key.removeprefix(f"{name}/"): value for key, value in found.items() if key.startswith(f"{name}/")}


def gradients(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Of the first step, by variable."""
    return {key: value for key, value in part(found, "gradient").items() if key.endswith("/Momentum")}


def distance(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    """The length of the difference of two gradients, relative to the first."""
    assert one.keys() == other.keys()
    norm = np.sqrt(sum(np.sum(np.square(value, dtype=np.float64)) for value in one.values()))
    return np.sqrt(sum(np.sum(np.square(one[key] - other[key], dtype=np.float64)) for key in one)) / norm


def assert_equal_steps(one: dict[str, np.ndarray], several: dict[str, np.ndarray]) -> None:
    for tag, value in part(one, "first").items():
        assert part(several, "first")[tag] == pytest.approx(value, rel=1e-5), tag
    assert distance(gradients(one), gradients(several)) < 1e-5
    np.testing.assert_allclose(several["losses"], one["losses"], rtol=1e-3)
    # The same variables under the same names: a checkpoint of one is a checkpoint of the other.
    assert part(one, "end").keys() == part(several, "end").keys()
    for name, value in part(one, "end").items():
        assert part(several, "end")[name].shape == value.shape, name


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("trained")


def test_two_replicas_of_an_ssd_take_the_step_of_one(folder):
    assert_equal_steps(trained(folder, 1, "ssd", 2), trained(folder, 2, "ssd", 2))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ssd", "faster_rcnn"])
def test_twenty_steps_of_two_and_four_replicas(folder, kind):
    one = trained(folder, 1, kind, 20)
    for replicas in (2, 4):
        assert_equal_steps(one, trained(folder, replicas, kind, 20))


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "rounding"), [("bfloat16", 2**-8), ("float16", 2**-11)])
@pytest.mark.parametrize("kind", ["ssd", "faster_rcnn"])
def test_half_the_precision_stays_near_and_keeps_its_weights_whole(folder, kind, precision, rounding):
    # A ResNet's convolutions in float16 take minutes per step on a CPU.
    steps = 1 if (kind, precision) == ("faster_rcnn", "float16") else 3
    whole, half = trained(folder, 1, kind, steps), trained(folder, 1, kind, steps, precision)
    assert part(half, "first")["Loss/total_loss"] == pytest.approx(part(whole, "first")["Loss/total_loss"], rel=0.02)
    assert np.isfinite(half["losses"]).all()
    # Roundings of one part in 1 / rounding add up over the layers. Where units lie on their kinks (the ResNet's do, the
    # SSD's are kept off), a share of about `rounding` of them turns, and the gradient moves by the root of that share.
    bound = 30 * rounding if kind == "ssd" else 2 * rounding**0.5
    assert distance(gradients(whole), gradients(half)) < bound
    assert {str(kind) for kind in part(half, "type").values()} == {"float32"}
