"""All models of a run are configured at once."""

import pytest

from boxwright.pipeline.configure import Wanted, configure

PATCH = {
    "num_classes": 2,
    "label_map_path": "label_map.pbtxt",
    "train_records": ["train"],
    "eval_records": ["eval"],
    "num_steps": 5,
}


@pytest.fixture
def wanted(tmp_path):
    def wanted(name, source, shown=None, **arguments):
        path = tmp_path / f"{shown or name}.config"
        path.write_text(source)
        return Wanted(name, shown or name, str(path), PATCH | arguments)

    return wanted


def test_each_model_has_its_original_and_its_own(wanted):
    originals, configurations, mistakes = configure(
        [wanted("a", "model { ssd { num_classes: 90 } }"), wanted("b", "model { ssd {} }")]
    )
    assert not mistakes
    assert originals["a"].config.model.ssd.num_classes == 90
    assert {name: one.model.ssd.num_classes for name, one in configurations.items()} == {"a": 2, "b": 2}


def test_the_mistakes_in_all_files_are_told_below_their_models(wanted):
    models = [
        wanted("a", "model { ssd {} }"),
        wanted("b-0", "model { ssd {} }", shown="b", overrides={"model.ssd.x": 1, "train_config.batch_size": "y"}),
        wanted("b-1", "model { ssd {} }", shown="b", overrides={"model.ssd.x": 1, "train_config.batch_size": "y"}),
        wanted("c", "model { sd {} }"),
        wanted("d", "train_config {}"),
    ]
    originals, configurations, found = configure(models)
    assert list(found) == ["b", "c", "d"]
    told = [line for lines in found.values() for line in lines]
    assert list(originals) == ["a", "b-0", "b-1", "d"] and list(configurations) == ["a", "b-0", "b-1"]
    assert [line.partition(",")[0] for line in told if not line.startswith(" ")] == ["models.b", "models.c", "models.d"]
    assert told[1].startswith("  - override `model.ssd.x`: model.ssd has no field `x`")
    assert told[2] == "  - override `train_config.batch_size`: takes a whole number of at least 0, not 'y'."
    assert told[4].startswith(f"  - {models[3].path}:1:9: model has no field `sd`; nearest known: ssd")
    assert "has no model" in told[6]


def test_what_the_run_decides_is_told_beside_other_mistakes(wanted):
    overrides = {"model.ssd.x": 1, "train_config.num_steps": 7, "train_config.fine_tune_checkpoint": "y"}
    told = configure([wanted("a", "model { ssd {} }", overrides=overrides)])[2]["a"]
    assert all(f"override `{path}`" in " ".join(told) for path in overrides) and len(told) == 4


def test_a_block_is_told_beside_other_mistakes_and_no_override_twice(wanted):
    def told(overrides):
        found = configure([wanted("a", "model { ssd {} }", overrides={"model.ssd.x": 1} | overrides)])[2]["a"]
        return [line.split("`", 2)[1:] for line in found[1:]]

    (unknown, _), (block, lost) = told({"train_config": {"batch_size": 3}})
    assert (unknown, block) == ("model.ssd.x", "train_config") and lost.startswith(": a block as value replaces all")
    (unknown, _), (refused, why) = told({"train_config.num_steps": "y"})
    assert (unknown, refused) == ("model.ssd.x", "train_config.num_steps") and "the run decides" in why
