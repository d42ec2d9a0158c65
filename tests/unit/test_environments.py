"""The conda environments hold the versions of the lock file, and `make env` keeps what was chosen."""

import os
import shutil
import subprocess
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
LOCKED = {package["name"]: package["version"] for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pins(environment: Path) -> dict[str, str]:
    (pip,) = [
        entry["pip"]
        for entry in yaml.safe_load(environment.read_text())["dependencies"]
        if "pip" in entry and isinstance(entry, dict)
    ]
    return {name.split("[")[0]: version for name, version in (pin.split("==") for pin in pip)}


@pytest.mark.parametrize("environment", sorted((ROOT / "envs").glob("*.yaml")), ids=lambda path: path.name)
def test_pins_are_the_locked_versions(environment):
    for name, version in pins(environment).items():
        assert LOCKED[name] == version, name


def test_jobs_have_every_dependency_but_snakemake():
    # Of the extra `forms` only the command `boxwright detect` needs the reader of videos.
    listed = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["forms"]]
    wanted = {requirement.split(">")[0].split("=")[0] for requirement in listed} - {"snakemake", "av"}
    assert wanted | {"tensorflow-cpu"} == pins(ROOT / "envs" / "boxwright.yaml").keys()
    assert wanted | {"tensorflow"} == pins(ROOT / "envs" / "gpu.yaml").keys()


def installs(folder: Path, *choices: str) -> list[str]:
    """The extras that `make env` would install, none if nothing is to be done; afterwards they are taken for installed.

    Stands for the installation by its marks alone, the newest file and the plugin's folder.
    """
    command = ["make", "--dry-run", "env", *choices]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    (*_, last) = done.stdout.splitlines()
    words = done.stdout.split()
    extras = [after for word, after in pairwise(words) if word == "--extra"]
    if extras:
        plugin = folder / ".venv/lib/python3.12/site-packages/snakemake_executor_plugin_slurm"
        shutil.rmtree(plugin, ignore_errors=True)
        if "cluster" in extras:
            plugin.mkdir(parents=True)
        subprocess.run(last, shell=True, cwd=folder, check=True)
    return extras


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_keeps_what_was_chosen(tmp_path):
    for name in ("Makefile", "uv.lock", "pyproject.toml", ".uv/bin/uv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name) if "/" not in name else (tmp_path / name).touch()
    (tmp_path / ".venv").mkdir()
    assert installs(tmp_path) == ["cpu", "forms"]
    assert installs(tmp_path) == []
    assert installs(tmp_path, "CLUSTER=yes") == ["cpu", "forms", "cluster"]
    assert installs(tmp_path) == []
    assert installs(tmp_path, "BUILD=gpu") == ["gpu", "forms", "cluster"]
    assert installs(tmp_path) == []
    assert installs(tmp_path, "CLUSTER=no") == ["gpu", "forms"]
    assert installs(tmp_path) == []
