"""The identity of code follows its meaning and its imports, nothing else."""

from pathlib import Path

import pytest

from boxwright.core import code

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A copy of a tiny library under the package's own name, which `sources` looks at instead."""
    package = tmp_path / "boxwright"
    (package / "floor").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "floor" / "__init__.py").write_text("")
    (package / "floor" / "stone.py").write_text('"""A stone."""\n\nWEIGHT = 1\n')
    (package / "wall.py").write_text("def build():\n    from boxwright.floor import stone\n    return stone.WEIGHT\n")
    (package / "roof.py").write_text("HEIGHT = 3\n")
    script = tmp_path / "script.py"
    script.write_text("from boxwright import wall\n\nwall.build()\n")
    monkeypatch.setattr(code, "PACKAGE", package)

    def forget():
        for remembered in (code._facts, code._files, code._remembered):
            remembered.cache_clear()

    def identity():
        forget()
        return code.identity(script)

    yield tmp_path, identity
    forget()


def test_follows_imports_inside_functions(library):
    folder, identity = library
    before = identity()
    (folder / "boxwright" / "floor" / "stone.py").write_text('"""A stone."""\n\nWEIGHT = 2\n')
    assert identity() != before


def test_other_modules_comments_and_docstrings_do_not_count(library):
    folder, identity = library
    before = identity()
    (folder / "boxwright" / "roof.py").write_text("HEIGHT = 4\n")
    (folder / "boxwright" / "floor" / "stone.py").write_text('"""Another text."""\n# a comment\nWEIGHT = 1\n')
    assert identity() == before


def test_data_files_of_a_package_count(library):
    folder, identity = library
    before = identity()
    (folder / "boxwright" / "floor" / "table.binpb").write_bytes(b"1")
    assert identity() != before


def test_the_scripts_of_light_rules_do_not_reach_tensorflow_code():
    reached = code.reach(ROOT / "workflow/scripts/write_records.py")
    names = {path.split("/")[0] for path in reached}
    assert "records" in names
    assert not names & {"boxes", "detector", "training", "evaluation", "export"}


def test_what_is_remembered_of_a_file_is_what_it_says(library):
    folder, identity = library
    first = identity()
    (kept,) = (folder / "boxwright" / "__pycache__").glob("meanings.*.txt")
    assert identity() == first
    kept.write_text("{")
    assert identity() == first, "a damaged memory is made again"
