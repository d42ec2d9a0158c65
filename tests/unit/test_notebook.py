"""The notebook for Colab: its form, and that it runs from top to bottom."""

import re
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from nbclient import NotebookClient

from boxwright.cli import main
from boxwright.dataset import demo

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/boxwright.ipynb"


@pytest.fixture
def notebook() -> nbformat.NotebookNode:
    return nbformat.read(PAGE, as_version=4)


def sources(notebook, *tags: str) -> list[str]:
    """The code of the cells with all of some tags."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [cell.source for cell in cells if set(tags) <= set(cell.metadata.get("tags", []))]


def test_it_is_a_valid_notebook_without_outputs(notebook):
    nbformat.validate(notebook)
    assert notebook.nbformat == 4
    for cell in notebook.cells:
        assert cell.cell_type == "markdown" or (cell.outputs == [] and cell.execution_count is None)


def test_it_is_written_as_nbformat_writes_it(notebook):
    assert PAGE.read_text(encoding="utf-8").rstrip("\n") == nbformat.writes(notebook).rstrip("\n")


def test_its_cells_for_colab_are_marked(notebook):
    for tag, word in (("install", "git clone"), ("data", "FOLDER"), ("configuration", "my.yaml")):
        (source,) = sources(notebook, tag)
        assert word in source


def test_its_commands_exist(notebook, capsys):
    named = set(re.findall(r"\.venv/bin/boxwright (\w+)", "\n".join(cell.source for cell in notebook.cells)))
    assert {"doctor", "init", "run", "detect"} <= named
    for command in named:
        with pytest.raises(SystemExit, match="0"):
            main([command, "--help"])


def test_the_extras_that_it_installs_exist(notebook):
    (source,) = sources(notebook, "install")
    builds = re.search(r'build = "(\w+)" if .* else "(\w+)"', source).groups()
    extras = {*builds, *re.findall(r"--extra (\w+)", source)}
    assert all(f"\n{extra} = [" in (ROOT / "pyproject.toml").read_text(encoding="utf-8") for extra in extras)


@pytest.mark.slow
def test_it_runs_from_top_to_bottom(notebook, tmp_path, monkeypatch):
    """As it is, but on what is installed here, with few and small images and four steps of the training."""
    (tmp_path / ".venv").symlink_to(sys.prefix, target_is_directory=True)
    (tmp_path / "config").symlink_to(ROOT / "config", target_is_directory=True)
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "workflow"))
    demo.draw(tmp_path / "drawn", images=24, seed=1)
    size = "model.ssd.image_resizer.fixed_shape_resizer"
    model = {
        "pipeline": "config/pipelines/demo_ssd.config",
        "overrides": {f"{size}.height": 96, f"{size}.width": 96},
        "batch_size": 2,
        "num_steps": 4,
        "checkpoint_every": 2,
    }
    config = {
        "dataset": {"images": "drawn/images", "annotations": "drawn/annotations"},
        "models": {"small": model},
        "export": {"forms": ["frozen_graph"]},
    }
    (tmp_path / "my.yaml").write_text(yaml.safe_dump(config))  # it stays, as if it had been edited
    notebook.cells = [cell for cell in notebook.cells if "install" not in cell.metadata.get("tags", [])]
    NotebookClient(notebook, timeout=1800, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])]
    assert sum("image/svg+xml" in data for data in shown) == 3
    assert 0 < sum("image/jpeg" in data for data in shown) <= 6
    assert (tmp_path / "results/report.html").stat().st_size > 100_000
    assert (tmp_path / "small_detector.zip").is_file()
