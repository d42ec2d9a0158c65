"""The conda environments hold the versions of the lock file."""

import tomllib
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
