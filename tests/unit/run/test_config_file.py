"""What is said where no configuration is given."""

import pytest

from boxwright.run import config_file


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["my.yaml"], "For my.yaml add `--configfile my.yaml`."),
        (["my images.yaml"], "For my images.yaml add `--configfile 'my images.yaml'`."),
        (["b.yaml", "a.yaml"], "For one of your own (a.yaml, b.yaml) add it, as in `--configfile a.yaml`."),
        ("abcd", "For one of your own (a.yaml, b.yaml, c.yaml and 1 more) add it, as in `--configfile a.yaml`."),
    ],
)
def test_own_configurations_are_named(tmp_path, capsys, names, told):
    for name in names:
        (tmp_path / name).with_suffix(".yaml").write_text("dataset:\nmodels:\n")
    (tmp_path / "other.yaml").write_text("notes: none\n")
    config_file.say_that_it_is_the_demo(tmp_path)
    said = capsys.readouterr().err.replace(f"{tmp_path}/", "").replace(f"'{tmp_path}/", "'")
    assert told in said


def test_without_any_nothing_is_said(tmp_path, capsys):
    config_file.say_that_it_is_the_demo(tmp_path)
    assert capsys.readouterr().err == ""
