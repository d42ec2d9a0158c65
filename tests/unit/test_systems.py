"""What cannot be run here, on Windows and macOS: no module needs what they lack, and the lock file covers them."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from boxwright.core.code import PACKAGE
from boxwright.dataset import walk

ROOT = Path(__file__).resolve().parents[2]
# Modules of the standard library that only Unix has.
UNIX_ONLY = {"fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"}


def guarded(tree: ast.AST) -> set[ast.stmt]:
    """The statements within `try: ... except ImportError`."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and any(
            isinstance(handler.type, ast.Name) and handler.type.id == "ImportError" for handler in node.handlers
        ):
            found.update(node.body)
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_module_needs_what_only_unix_has(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    allowed = guarded(tree)
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) else []
        assert node in allowed or not UNIX_ONLY & set(names), ast.unparse(node)


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_the_lock_file_covers_the_system(system):
    locked = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    assert f"sys_platform == '{system}'" in locked["supported-markers"]


@pytest.mark.parametrize("wheel", [r"tensorflow-2\.21\S*-win_amd64\.whl", r"tensorflow-2\.21\S*-macosx\S*_arm64\.whl"])
def test_tensorflow_has_a_build_for_the_system(wheel):
    assert re.search(wheel, (ROOT / "uv.lock").read_text(encoding="utf-8"))


def test_folders_are_listed_alike_by_their_path(tmp_path, monkeypatch):
    (tmp_path / "more").mkdir()
    for name in ("a.jpg", "more/b.jpg", "c.txt"):
        (tmp_path / name).write_bytes(b"x")
    usual = walk.walk([str(tmp_path)], [".jpg"])
    monkeypatch.setattr(walk, "_OPENS_FOLDERS", False)
    assert walk.walk([str(tmp_path)], [".jpg"]) == usual and len(usual.found[0]) == 2
