"""`auto` and the value that it stood for are the same training, as long as nothing else has changed."""

from types import SimpleNamespace

import pytest

from boxwright.console.checksums import Checksums
from boxwright.run import as_begun

OTHERS = {"config": "c", "data": "d", "start": None, "code": "x"}
MODEL = {"seed": 0, "tf_threads": 2, "precision": "auto", "loss_scale": "dynamic"}


@pytest.fixture
def settled(tmp_path):
    """settled(made, used, others, **settings): the settings of a model whose first checkpoint has that receipt."""

    def of(made=None, used=None, others=OTHERS, **changes):
        results = tmp_path / "results"
        folder = results / "models/m/train"
        plan = SimpleNamespace(
            results=str(results),
            steps=lambda name: [3, 6],
            model=lambda name: MODEL | changes,
            checkpoint=lambda name, step: [f"{folder}/model.ckpt-{step}.index", "data"],
        )
        if made is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "model.ckpt-6.index").write_bytes(b"index")
            made_with = {"identity": OTHERS | made} | ({"conditions": used} if used else {})
            Checksums(results).write([folder / "model.ckpt-6.index"], made_with=made_with)
        return as_begun.training(plan, "m", others)

    return of


def identity(precision, threads=2, loss_scale=None):
    return {"seed": 0, "tf_threads": threads, "precision": precision, "loss_scale": loss_scale}


def test_a_new_training(settled):
    assert settled() == identity("auto")


@pytest.mark.parametrize("made", [identity("float32"), identity("bfloat16"), identity("float16", 2, "dynamic")])
def test_auto_keeps_a_finished_training(settled, made):
    assert settled(made) == made


def test_the_value_that_auto_found_keeps_it(settled):
    used = {"precision": "bfloat16", "tf_threads": 8}
    made = identity("auto", "auto")
    assert settled(made, used, precision="bfloat16", tf_threads=8) == made
    assert settled(made, used, precision="bfloat16", tf_threads="auto") == made
    assert settled(made, used, precision="float32", tf_threads=8) == identity("float32", 8)
    assert settled(made, used, precision="bfloat16", tf_threads=2) == identity("bfloat16", 2)


def test_auto_keeps_threads(settled):
    assert settled(identity("auto", 4), tf_threads="auto") == identity("auto", 4)


@pytest.mark.parametrize("change", [{"code": "y"}, {"data": "e"}])
def test_a_training_that_starts_again_decides_again(settled, change):
    assert settled(identity("float32"), others=OTHERS | change) == identity("auto")
    assert settled(identity("float32"), seed=1) == identity("auto") | {"seed": 1}


def test_two_values_are_two_trainings(settled):
    assert settled(identity("float32"), precision="bfloat16") == identity("bfloat16")
