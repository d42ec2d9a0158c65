"""Which code makes a result: the identity of a script together with all of the library that it can reach.

Snakemake tracks the time of a script, but not the modules that it imports. A rule therefore carries `identity(script)`
among its parameters: it changes when the meaning of the script, or of any boxwright module that it imports directly or
through others, changes. Comments, docstrings and layout do not count, nor do file times.
"""

import ast
import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from boxwright.files import write_if_changed

PACKAGE = Path(__file__).resolve().parent


def identity(*scripts: str | Path) -> str:
    """Hexadecimal identity of the given scripts and of every boxwright module in reach of their imports."""
    digest = hashlib.sha256()
    files = [Path(script).resolve() for script in scripts]
    for path in files:
        digest.update(_facts(path)[0])
    for path in sorted(_closure(files)):
        digest.update(str(path.relative_to(PACKAGE)).encode() + _facts(path)[0])
    _remembered().keep()
    return digest.hexdigest()[:16]


def reach_from_jobs() -> None:
    """Let every process started from here import this library, whatever environment it runs in."""
    here = str(PACKAGE.parent)
    others = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and path != here]
    os.environ["PYTHONPATH"] = os.pathsep.join([here, *others])


def _closure(files: Iterable[Path]) -> set[Path]:
    """The files of the library which the given ones import, directly or through others."""
    seen: set[Path] = set()
    waiting = [target for path in files for target in _facts(path)[1]]
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting.extend(_facts(path)[1])
    return seen


@cache
def _facts(path: Path) -> tuple[bytes, tuple[Path, ...]]:
    """Hash of what a file says, and the library files that it names."""
    data = path.read_bytes()
    if path.suffix != ".py":
        return hashlib.sha256(data).digest(), ()
    meaning, names = _remembered().of(data)
    return bytes.fromhex(meaning), tuple(dict.fromkeys(target for name in names for target in _files(name)))


class _Meanings:
    """What Python files mean, by the hash of their bytes: [hash of the syntax tree, names that they import].

    Parsing the library takes half a second, and every job starts with it, so this is kept beside Python's own compiled
    files, and like them left unkept where the folder cannot be written. Another Python has another syntax tree.
    """

    def __init__(self) -> None:
        self._path = PACKAGE / "__pycache__" / f"meanings.{sys.implementation.cache_tag}.json"
        try:
            self._known = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self._known = {}
        self._changed = False

    def of(self, data: bytes) -> list:
        key = hashlib.sha256(data).hexdigest()
        if key not in self._known:
            tree = ast.parse(data)
            names = list(dict.fromkeys(_imports(tree)))
            _drop_docstrings(tree)
            dumped = ast.dump(tree, annotate_fields=False).encode()
            self._known[key] = [hashlib.sha256(dumped).hexdigest(), names]
            self._changed = True
        return self._known[key]

    def keep(self) -> None:
        if not self._changed:
            return
        self._changed = False
        with contextlib.suppress(OSError):
            write_if_changed(self._path, json.dumps(self._known).encode())


@cache
def _remembered() -> _Meanings:
    return _Meanings()


def _imports(tree: ast.AST) -> Iterator[str]:
    """Dotted names below boxwright that a module imports, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == PACKAGE.name)


@cache
def _files(name: str) -> tuple[Path, ...]:
    """The files that importing a dotted name runs: the packages on the way, the module, and data of a package."""
    place, found = PACKAGE, []
    for part in ["", *name.split(".")[1:]]:
        place = place / part
        if place.is_dir():
            found += [path for path in (place / "__init__.py", *sorted(place.glob("*.binpb"))) if path.is_file()]
        elif place.with_suffix(".py").is_file():
            return (*found, place.with_suffix(".py"))
        else:  # a name inside the module or package before it
            break
    return tuple(found)


def _drop_docstrings(tree: ast.AST) -> None:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                body.pop(0)
