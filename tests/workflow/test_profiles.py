"""The profiles: their keys are options, and what they make of a run."""

import re

import pytest
import yaml

from tests.workflow.conftest import ROOT, small_model

PROFILES = {path.parent.name: path for path in sorted((ROOT / "profiles").glob("*/config.yaml"))}


def submissions(text: str) -> list[str]:
    """The jobs of a dry run as a cluster gets them: a group counts once, the jobs in it are indented."""
    return re.findall(r"^\[.*\] Group job (\w+)|^Job \d+: (.*)$", text, re.M)


def options(text: str) -> set[str]:
    """The keys of a profile, with those that are commented out, without those of the template language YTE."""
    keys = {key for key in yaml.safe_load(text) if not key.startswith("__")}
    return keys | set(re.findall(r"^# ?([a-z0-9-]+):(?: \S+)?$", text, re.M))


@pytest.mark.parametrize("name", PROFILES)
def test_every_key_is_an_option_of_snakemake_or_of_a_plugin(name):
    from snakemake.cli import get_argument_parser

    plugin = f"snakemake_executor_plugin_{yaml.safe_load(PROFILES[name].read_text()).get('executor')}"
    if name in ("slurm", "kubernetes"):
        pytest.importorskip(plugin, reason=f"{plugin} is not installed: profiles/README.md says how")
    known = {flag.removeprefix("--") for action in get_argument_parser()._actions for flag in action.option_strings}
    keys = options(PROFILES[name].read_text())
    assert keys
    assert keys <= known


@pytest.mark.parametrize("name", [name for name in PROFILES if name != "default"])
def test_no_profile_says_otherwise_than_the_default_that_holds_beside_it(name):
    default, other = (yaml.safe_load(PROFILES[which].read_text()) for which in ("default", name))
    assert not default.keys() & other.keys()


def test_a_thousand_shards_are_tens_of_jobs_on_slurm(project):
    project.config["dataset"]["shards"] = {"train": 1000, "eval": 10}
    project.config["models"] = {"small": small_model(gpus=1)}
    outcome = project.snakemake("--dry-run", "--verbose", "--profile", str(ROOT / "profiles/slurm"))
    assert outcome.jobs["write_records"] == 1010
    jobs = submissions(outcome.text)
    assert [group for group, _ in jobs].count("records") == 21
    assert [group for group, _ in jobs].count("plan") == 1
    assert len(jobs) < 50
