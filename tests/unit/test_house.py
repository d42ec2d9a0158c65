"""The house: floors that import only downwards, no circles, no message in the rooms of mathematics."""

import ast
import graphlib
import re
from functools import cache
from pathlib import Path

import pytest

from boxwright.core.code import PACKAGE

# The rooms of each floor. A module imports from its own room and from floors below.
FLOORS = (
    ("core",),
    ("console", "devices", "images"),
    ("checkpoints", "protos", "tfrecord"),
    ("catalog", "boxes"),
    ("dataset",),
    ("records", "pipeline"),
    ("detector", "zoo", "runtimes"),
    ("training", "evaluation", "export"),
    ("report", "run", "snakemake_internals"),
    ("cli",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")

# Rooms of mathematics, and what they must not know: messages and whoever reads them.
WITHOUT_MESSAGES = ("boxes", "detector/families", "detector/backbones", "detector/necks", "detector/heads")
MESSAGES = ("protos", "pipeline", "catalog.messages")

# Starting without it saves three seconds, in the plan and in every job that needs none of it.
WITHOUT_TENSORFLOW = ("core", "console", "images", "protos", "tfrecord", "catalog", "dataset", "records", "pipeline")


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Dotted names below the package of the modules that one imports, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE.name:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] == PACKAGE.name}
    return frozenset(filter(None, map(_module, found)))


def _module(name: str) -> str:
    """The module that a dotted name is, or is in."""
    parts = name.split(".")[1:]
    while parts:
        place = PACKAGE.joinpath(*parts)
        if place.with_suffix(".py").is_file() or (place / "__init__.py").is_file():
            return ".".join(parts)
        parts.pop()
    return ""


def test_every_room_has_a_floor():
    assert {name_of(path).split(".")[0] for path in MODULES} == set(FLOOR)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_down(path):
    own = name_of(path).split(".")[0]
    for name in imports_of(path):
        other = name.split(".")[0]
        assert other == own or FLOOR[other] < FLOOR[own], f"{name_of(path)} imports {name}"


def test_there_is_no_circle():
    graph = {name_of(path): imports_of(path) - {name_of(path)} for path in MODULES}
    graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("room", WITHOUT_MESSAGES)
def test_mathematics_knows_no_message(room):
    paths = list((PACKAGE / room).rglob("*.py"))
    assert paths
    for path in paths:
        known = {name for name in imports_of(path) if f"{name}.".startswith(tuple(f"{one}." for one in MESSAGES))}
        assert not known, name_of(path)


@pytest.mark.parametrize("room", WITHOUT_TENSORFLOW)
def test_light_rooms_do_not_import_tensorflow(room):
    place = PACKAGE / room
    for path in place.rglob("*.py") if place.is_dir() else [place.with_suffix(".py")]:
        for node in ast.parse(path.read_text()).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] == "tensorflow" for name in names), name_of(path)


# Libraries that open connections, and the modules that may import them: the zoo's downloads.
NETWORK = ("asyncio", "ftplib", "http", "requests", "smtplib", "socket", "socketserver", "ssl", "urllib.request")
MAY_CONNECT = {"zoo.download"}
# This one asks for the name of the machine alone.
NO_CONNECTION = {"run.lock": {"socket"}}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_nothing_but_the_zoo_reaches_the_network(path):
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        found |= {known for known in NETWORK for name in names if f"{name}.".startswith(f"{known}.")}
    if name_of(path) not in MAY_CONNECT:
        assert found <= NO_CONNECTION.get(name_of(path), set()), f"{name_of(path)} imports {', '.join(found)}"


def test_no_two_classes_of_one_name():
    places: dict[str, str] = {}
    for path in MODULES:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                assert node.name not in places, f"{node.name} is in {places[node.name]} and in {name_of(path)}"
                places[node.name] = name_of(path)


def texts_of(path: Path) -> list[str]:
    """The texts in a Python file, but for docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    holders = [node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)]
    docstrings = {id(one.body[0].value) for one in holders if one.body and isinstance(one.body[0], ast.Expr)}
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [node.value for node in texts if id(node) not in docstrings]


# A command of boxwright that is on no PATH: it needs the folder of the environment (`core.wording.command`).
NOT_TYPABLE = re.compile(r"`(boxwright [a-z-]|snakemake -)")


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_messages_name_commands_that_can_be_typed(path):
    assert [text for text in texts_of(path) if NOT_TYPABLE.search(text)] == []


@pytest.mark.parametrize("name", ["Snakefile", "rules/*.smk", "config/*.yaml", "profiles/*/*.yaml", "envs/*"])
def test_comments_and_messages_of_rules_name_such_commands_too(name):
    for path in PACKAGE.parents[1].glob(name):
        assert not NOT_TYPABLE.search(path.read_text(encoding="utf-8")), path
