"""A small project of one's own, worked on by real Snakemake."""

import copy
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from boxwright.dataset import demo

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Outcome:
    """What a run of Snakemake printed and did."""

    code: int
    text: str
    log: str = ""  # Snakemake's own log file; a dry run has none

    @property
    def jobs(self) -> dict[str, int]:
        """How many jobs of each rule were planned; empty where nothing was to be done."""
        table = re.search(r"^Job stats:\n.*?\n[ -]+\n(.*?)\n\n", self.text, re.S | re.M)
        rows = [line.split() for line in table.group(1).splitlines()] if table else []
        return {name: int(count) for name, count in rows if name not in ("total", "all")}

    @property
    def work(self) -> set[str]:
        """What each job does, as its rule's message says it: "Training small up to step 6", ..."""
        said = re.findall(r"^ *Job \d+: (.*)$", self.log or self.text, re.M)
        if dry := re.search(r"^Job stats:\n.*?\n\n(.*?)^This was a dry-run", self.text, re.S | re.M):
            several = r"^\d+ jobs \(for each: .*\): "  # with the same reason
            said += [one for line in re.findall(f"{several}(.*)$", dry[1], re.M) for one in line.split("; ")]
            said += re.findall("^(?!\\d+ jobs )(.*?): ", dry[1], re.M)  # alone with its reason
        return {message for message in said if not message.startswith("All results are in")}


class Project:
    """A folder with photographs, a configuration and results; `snakemake` runs in it."""

    def __init__(self, folder: Path, config: dict, checkout: Path = ROOT) -> None:
        self.folder, self.config, self.checkout = folder, config, checkout

    def snakemake(self, *arguments: str, code: int | None = 0, cores: int = 2) -> Outcome:
        """Run Snakemake on the configuration; `code` is the exit code that must come out (None: any)."""
        self.write_config()
        command = self.command(*arguments, cores=cores)
        logs = self.folder / ".snakemake" / "log"
        before = set(logs.glob("*"))
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=600)
        written = "".join(path.read_text() for path in set(logs.glob("*")) - before)
        outcome = Outcome(done.returncode, done.stdout + done.stderr, written)
        assert code is None or outcome.code == code, outcome.text
        return outcome

    def write_config(self) -> None:
        (self.folder / "my.yaml").write_text(yaml.safe_dump(self.config))

    def command(self, *arguments: str, cores: int = 2) -> list[str]:
        """The command line that runs Snakemake in the project's folder."""
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(self.checkout / "Snakefile")]
        # The configuration comes last: its option takes every word that follows.
        return [*command, "--cores", str(cores), *arguments, "--configfile", "my.yaml"]

    def copy(self, folder: Path) -> "Project":
        """The same project, with its results, in another folder."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Project(folder, copy.deepcopy(self.config), self.checkout)

    def __truediv__(self, path: str) -> Path:
        return self.folder / path


def small_model(**settings) -> dict:
    """Settings of a detector that trains in seconds."""
    size = "model.ssd.image_resizer.fixed_shape_resizer"
    return {
        "pipeline": str(ROOT / "config/pipelines/demo_ssd.config"),
        "num_steps": 6,
        "checkpoint_every": 3,
        "batch_size": 2,
        "overrides": {f"{size}.height": 96, f"{size}.width": 96},
        **settings,
    }


def new_project(folder: Path, images: int = 24) -> Project:
    """A project of drawn photographs, two shards and one small model."""
    demo.draw(folder / "photographs", images=images, seed=1)
    for side in ("images", "annotations"):
        below = folder / "photographs" / side / "more" / "of them"
        below.mkdir(parents=True)
        for path in sorted((folder / "photographs" / side).glob("*0.*")):
            path.rename(below / path.name)
    config = {
        "dataset": {
            "images": "photographs/images",
            "annotations": "photographs/annotations",
            "shards": {"train": 2, "eval": 1},
        },
        "models": {"small": small_model()},
    }
    return Project(folder, config)


@pytest.fixture
def project(tmp_path) -> Project:
    """A fresh project, nothing run yet."""
    return new_project(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Project:
    """A project after its first run, whose outcome is `first`. Whoever changes it works on a copy."""
    project = new_project(tmp_path_factory.mktemp("finished"))
    project.first = project.snakemake()
    return project


@pytest.fixture
def checkout(tmp_path) -> Path:
    """The same code as a fresh checkout elsewhere: other places and times of all files."""
    folder = tmp_path / "checkout"
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder
