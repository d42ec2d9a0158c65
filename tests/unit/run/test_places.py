"""Where Snakemake writes before it reads any rule: a missing home folder, a working folder that is read-only."""

import os
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest

from boxwright.run import doctor, places

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)


def test_a_home_folder_that_can_be_written_to_stays(capsys):
    places.prepare()
    assert "XDG_CACHE_HOME" not in os.environ and capsys.readouterr().err == ""


@pytest.mark.parametrize("variable", ["HOME", "XDG_CACHE_HOME"])
def test_without_a_place_for_the_cache_it_lies_in_the_working_folder(tmp_path, monkeypatch, capsys, variable):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(variable, str(tmp_path / "file/none"))
    places.prepare()
    told = capsys.readouterr().err
    assert f"({variable} is {tmp_path}/file/none: Not a directory), so this run keeps it in {tmp_path}/.snake" in told
    assert "Set XDG_CACHE_HOME" in told and len(told.splitlines()) == 1
    assert os.environ["XDG_CACHE_HOME"] == str(tmp_path / ".snakemake/cache")
    assert places.cache() == ""


def test_a_working_folder_that_cannot_be_written_to_is_told_in_a_sentence(tmp_path):
    (tmp_path / ".snakemake").write_text("a file in the way")
    with pytest.raises(SystemExit) as stopped:
        places.prepare(["--cores", "1"])
    assert f"The working folder {tmp_path} cannot be written to (" in stopped.value.code
    places.prepare(["--directory=elsewhere"])


def test_a_user_without_any_home_folder(monkeypatch):
    def unknown(*names):
        raise RuntimeError("could not determine the home directory")

    for name in ("user_cache_dir", "user_config_dir"):
        monkeypatch.setattr(platformdirs, name, unknown)
    assert places.cache() == "no home folder is known" and "set HOME" in places.home()
    levels = {one.what: one.level for one in doctor._places()}
    assert levels == {"folder": doctor.OK, "home": doctor.FAILS, "cache": doctor.WARNING}


def test_doctor_looks_at_these_places(monkeypatch):
    assert {one.level for one in doctor._places()} == {doctor.OK}
    monkeypatch.setenv("HOME", "/dev/null/none")
    (warning,) = (one for one in doctor._places() if one.level == doctor.WARNING)
    assert "HOME is /dev/null/none: Not a directory" in warning.text and "set XDG_CACHE_HOME" in warning.text


def test_snakemake_starts_without_a_home_folder(tmp_path):
    # The rules import the library that lies beside them, so nothing may have been imported before.
    imported = 'import sys\nassert "boxwright" not in sys.modules\n'
    (tmp_path / "Snakefile").write_text(f"{imported}rule all:\n    run: pass\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "workflow"), "HOME": "/dev/null/none"}
    command = [sys.executable, "-m", "snakemake", "-n", "--cores", "1", "--workflow-profile"]
    done = subprocess.run(
        [*command, str(ROOT / "profiles/default")], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    assert "HOME is /dev/null/none" in done.stderr


BOMB = "\n".join(
    ["a: &a [x, x, x, x, x, x, x, x, x]"]
    + [f"{two}: &{two} [{', '.join([f'*{one}'] * 9)}]" for one, two in zip("abcdefgh", "bcdefghi", strict=True)]
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "There is no configuration my.yaml (looked for from "),
        ("", "my.yaml: the file is empty"),
        ("dataset: &d\n  images: *d\n", "my.yaml: line 2: `dataset` holds itself, by the alias *d"),
        (BOMB, "has more than 100,000 values"),
        ("dataset:\n\timages: x\n", "a tab is not allowed there; indent with spaces (line 2)"),
        ("models:\n  m:\n    num_steps:300\n    seed: 1\n", "line 3: `num_steps:300` has no space after the colon"),
    ],
)
@pytest.mark.parametrize(
    "option", [["--configfile", "my.yaml"], ["--configfile=my.yaml"], ["--configfiles", "my.yaml"]]
)
def test_a_configuration_that_snakemake_cannot_read_is_told_in_a_sentence(tmp_path, text, told, option):
    if text is not None:
        (tmp_path / "my.yaml").write_text(text)
    with pytest.raises(SystemExit) as stopped:
        places.prepare([*option, "--cores", "1"])
    assert told in stopped.value.code


def test_a_sound_configuration_passes_and_no_module_of_ours_stays(tmp_path):
    (tmp_path / "my.yaml").write_text("dataset: {images: x}\n")
    code = "import sys; sys.path.insert(0, 'W'); import runpy; places = runpy.run_path('P'); "
    code += "places['prepare'](['--configfile', 'my.yaml', '-n']); assert 'boxwright' not in sys.modules, sys.modules"
    code = code.replace("W", str(ROOT / "workflow")).replace("P", str(ROOT / "workflow/boxwright/run/places.py"))
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_results_where_nothing_can_be_written(tmp_path, monkeypatch):
    assert places.results("new/results") == ""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    told = f"`results` is new/results, but nothing can be written to {tmp_path} here. Choose another folder"
    assert places.results("new/results").startswith(told)
