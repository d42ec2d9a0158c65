"""What the room of boxes may know: no message, no catalogue, and anchors without TensorFlow."""

import ast
import subprocess
import sys

import pytest

from boxwright.core.code import PACKAGE

MODULES = sorted((PACKAGE / "boxes").rglob("*.py"))


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            yield node.module


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_boxes_import_core_and_devices_alone(path):
    for name in imports_of(path):
        package, _, rest = name.partition(".")
        assert package != "google", name
        assert package != "boxwright" or rest.partition(".")[0] in ("boxes", "core", "devices"), name


def test_anchors_import_without_tensorflow():
    names = [path.stem for path in MODULES if path.parent.name == "anchors" and path.stem not in ("__init__", "tiling")]
    assert {"ssd_anchor_generator", "grid_anchor_generator", "multiscale_anchor_generator"} <= set(names)
    lines = [f"import boxwright.boxes.anchors.{name}" for name in names]
    code = "\n".join(["import sys", *lines, "assert 'tensorflow' not in sys.modules"])
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_every_function_is_typed(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.FunctionDef):
            continue
        taken = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        untyped = [each.arg for each in taken if each.annotation is None and each.arg != "self"]
        assert not untyped and node.returns is not None, f"{node.name}: {untyped or 'returns'}"
