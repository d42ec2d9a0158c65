"""Members of a kind are imported by name: no static import leads to one that is not in use."""

import ast
from collections.abc import Iterator
from pathlib import Path

from boxwright.catalog.extractors import EXTRACTORS
from boxwright.catalog.parts import ROOMS
from boxwright.core.code import PACKAGE

# Rooms of the parts of a detector, and the names of their members that rows of the catalogue have.
OF_ROWS = {
    "detector.build": {row.family for row in EXTRACTORS.values()},
    "detector.families": {row.family for row in EXTRACTORS.values()},
    "detector.backbones": {row.backbone for row in EXTRACTORS.values()},
    "detector.necks": {row.neck for row in EXTRACTORS.values()} - {""},
    "detector.heads": {head for row in EXTRACTORS.values() for head in row.heads},
    "detector.normalization": {row.normalization for row in EXTRACTORS.values()},
}
# Who may name a member: a family and its builder, which can't be without it, for want of a field that chooses.
ALWAYS_IN_USE = {
    ("detector.build.center_net", "detector.families.center_net"),
    ("detector.build.center_net", "detector.heads.center"),
    ("detector.families.center_net", "detector.heads.center"),
    ("detector.build.ssd", "detector.families.ssd"),
    # TFLite files hold this family alone.
    ("export.tflite.network", "detector.families.ssd"),
    ("export.tflite.suppression", "detector.families.ssd"),
    ("detector.build.faster_rcnn", "detector.families.faster_rcnn"),
    ("detector.build.faster_rcnn", "boxes.coders.faster_rcnn_box_coder"),
    ("detector.build.faster_rcnn", "boxes.matchers.argmax_matcher"),
    ("detector.build.faster_rcnn", "boxes.losses.weighted_smooth_l1"),
    ("detector.build.faster_rcnn", "boxes.losses.weighted_softmax"),
}


def members() -> set[str]:
    """The dotted names below the package of all members of all kinds."""
    found = {f"{room}.{name}" for room, names in OF_ROWS.items() for name in names}
    for room in set(ROOMS.values()):
        folder = PACKAGE.joinpath(*room.split(".")[1:])
        for path in folder.glob("*.py"):
            if any(_makes(node) for node in ast.parse(path.read_text()).body):
                found.add(".".join(path.relative_to(PACKAGE).with_suffix("").parts))
    return found


def _makes(node: ast.stmt) -> bool:
    names = (
        [target.id for target in node.targets if isinstance(target, ast.Name)] if isinstance(node, ast.Assign) else []
    )
    return "make" in names or (isinstance(node, ast.FunctionDef) and node.name == "make")


def imported(path: Path) -> Iterator[str]:
    """The dotted names below the package that a file imports, also inside functions, and what they are in."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        yield from (name.removeprefix("boxwright.") for name in names if name.startswith("boxwright."))


def test_rows_name_modules_that_are_there():
    for room, names in OF_ROWS.items():
        for name in names:
            assert PACKAGE.joinpath(*room.split("."), f"{name}.py").is_file(), f"{room}.{name}"
    for row in EXTRACTORS.values():
        assert all(PACKAGE.joinpath(*name.split(".")[1:]).with_suffix(".py").is_file() for name in row.modules())


def test_no_member_of_a_kind_is_imported_statically():
    known, found = members(), set()
    assert len(known) > 30
    for path in PACKAGE.rglob("*.py"):
        importer = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        for name in imported(path):
            # Members of one room may stand on each other: whoever uses the one uses the other.
            if name in known and name != importer and name.rpartition(".")[0] != importer.rpartition(".")[0]:
                found.add((importer, name))
    assert found <= ALWAYS_IN_USE
