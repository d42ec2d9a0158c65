"""A mistake in a configuration is told with the file and the line on which its key is written."""

import pytest

from boxwright.core.errors import UserError
from boxwright.run import config_file, key_lines, settings

TEXT = """\
usual: &usual
  batch_size: 8
models:
  first:
    <<: *usual
    num_steps: 10
    seeds: [0,
      one]
  2:
    num_steps: ten
"""


@pytest.fixture
def written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(name, text):
        (tmp_path / name).write_text(text)
        return name, config_file.read(name)

    return write


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("models",), 3),
        (("models", "first", "num_steps"), 6),
        (("models", "first", "batch_size"), 2),
        (("models", "first", "seeds", 1), 8),
        (("models", "2", "num_steps"), 10),
    ],
)
def test_the_line_of_a_key(written, place, line):
    name, config = written("my.yaml", TEXT)
    assert key_lines.located([([place], "it is wrong.")], config, [name]) == [f"my.yaml: line {line}: it is wrong."]


def test_a_mistake_about_several_keys_has_the_line_of_the_first_that_is_written(written):
    name, config = written("my.yaml", TEXT)
    places = [("models", "first", "seed"), ("models", "first", "num_steps"), ("models",)]
    assert key_lines.located([(places, "wrong")], config, [name]) == ["my.yaml: line 6: wrong"]


def test_the_file_that_a_value_comes_from_is_told(written):
    one, config = written("one.yaml", "results: here\nmodels:\n  first: {num_steps: 1}\n")
    other, _ = written("other.yaml", "\nresults: there\n")
    mistakes = [([("results",)], "wrong"), ([("models", "first", "num_steps")], "wrong")]
    config |= {"results": "there"}
    assert key_lines.located(mistakes, config, [one, other]) == ["other.yaml: line 2: wrong", "one.yaml: line 3: wrong"]


def test_a_value_from_elsewhere_has_no_line(written):
    name, config = written("my.yaml", TEXT)
    config["models"]["first"]["num_steps"] = 20  # as by --config
    mistakes = [([("models", "first", "num_steps")], "wrong"), ([("export",)], "wrong"), ([()], "wrong")]
    assert key_lines.located(mistakes, config, [name, "gone.yaml"]) == ["wrong"] * 3


@pytest.mark.parametrize("text", ["", "[", "a: {", "!!python/object:os.system {}: 1", "? [1, 2]\n: 3", "5"])
def test_a_file_that_is_no_configuration_has_no_lines(tmp_path, text):
    (tmp_path / "my.yaml").write_text(text)
    assert key_lines.located([([("models",)], "wrong")], {}, [tmp_path / "my.yaml"]) == ["wrong"]


def test_all_kinds_of_mistakes_have_lines(written):
    name, _ = written(
        "my.yaml",
        """\
dataset:
  demo: yes please
  date: 2020-01-01
models:
  sm all:
    pipeline: gone.config
    num_step: 10
    checkpoint_every: 0
results: my{results}
export:
  checkpoint: 7
  forms:
    - tflite_int9
predict: {score_threshold: 2}
""",
    )
    with pytest.raises(UserError) as caught:
        settings.read(name)
    for number, key in {
        2: "`dataset.demo` is",
        3: "`dataset.date` is a date",
        5: "a model's name is",
        7: "`models.sm all.num_step` is not a key",
        8: "`models.sm all.checkpoint_every` is 0",
        9: "`results` is",
        13: "entry 1 of `export.forms` is",
        14: "`predict.score_threshold` is 2",
    }.items():
        assert f"  - my.yaml: line {number}: {key}" in str(caught.value)


def test_a_missing_key_has_the_line_of_its_block(written):
    name, _ = written("my.yaml", "dataset: {demo: true}\nmodels:\n  first:\n    num_steps: 3\n")
    with pytest.raises(UserError, match=r"my\.yaml: line 3: `models.first\.checkpoint_every` is missing"):
        settings.read(name)


def test_a_text_that_begins_with_the_name_of_a_key_has_the_line_of_that(written):
    name, config = written("my.yaml", "results: there\nmodels:\n  a.b:\n    seeds: [0,\n      one]\n")
    texts = [
        "`models.a.b.seeds` are wrong.\nSo is `results`.",
        "entry 2 of `models.a.b.seeds` is one",
        "`no.key` is",
        "",
    ]
    told = key_lines.named(texts, config, [name])
    assert told == [
        "my.yaml: line 4: `models.a.b.seeds` are wrong.",
        "So is `results`.",
        "my.yaml: line 5: entry 2 of `models.a.b.seeds` is one",
        "`no.key` is",
    ]
    assert key_lines.named(texts[:1], config | {"models": {}}, [name])[0] == "`models.a.b.seeds` are wrong."
