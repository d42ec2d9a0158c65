"""The code identity: one short hash of the scripts and modules that make a result, and of everything they import.

Snakemake tracks the modification time of a script, but not the modules that it imports. A rule therefore has
`identity(script)` among its parameters. The identity changes when the meaning of the script changes, or the meaning of
any boxwright module that it imports, directly or indirectly. Comments, docstrings, layout and file times do not count.

Packages that only print messages or reject input (`OUTSIDE`) do not count either: a reworded progress line, a changed
range of valid numbers or a new row in the catalogue does not change any result. Parts that are chosen by name (a
backbone, a loss, an annotation format) are imported dynamically, so no import statement leads to them: the caller
passes the modules of the parts in use as well.
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

from boxwright.core import kept

PACKAGE = Path(__file__).resolve().parents[1]

# These modules do not affect results. Catalogue rows that do affect one are hashed by value where they are used.
OUTSIDE = ("boxwright.console", "boxwright.catalog", "boxwright.core.wording", "boxwright.evaluation.table")


def identity(*roots: str | Path) -> str:
    """The code identity, 16 hexadecimal digits, of scripts (paths) and modules ("boxwright.boxes.nms").

    Raises ModuleNotFoundError if the library does not have a module.
    """
    digest = hashlib.sha256()
    scripts = [Path(root).resolve() for root in roots if not _is_module(root)]
    modules = [_file(root) for root in roots if _is_module(root)]
    for path in scripts:
        digest.update(_facts(path)[0])
    for path in sorted(_closure(scripts, modules)):
        digest.update(str(path.relative_to(PACKAGE)).encode() + _facts(path)[0])
    _remembered().keep()
    return digest.hexdigest()[:16]


def reach(*roots: str | Path) -> list[str]:
    """The library files ("boxes/nms.py"), sorted, that are part of the `identity` of the same roots."""
    scripts = [Path(root).resolve() for root in roots if not _is_module(root)]
    modules = [_file(root) for root in roots if _is_module(root)]
    return sorted(path.relative_to(PACKAGE).as_posix() for path in _closure(scripts, modules))


def has(module: str) -> bool:
    """Whether the library has a module, without importing the packages around it: some of those import TensorFlow."""
    try:
        return bool(_file(module))
    except ModuleNotFoundError:
        return False


def reach_from_jobs() -> None:
    """Let every process started from this one import this library, in any environment."""
    here = str(PACKAGE.parent)
    others = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and path != here]
    os.environ["PYTHONPATH"] = os.pathsep.join([here, *others])


def _is_module(root: str | Path) -> bool:
    return isinstance(root, str) and root.split(".")[0] == PACKAGE.name and not root.endswith(".py")


def _file(module: str) -> tuple[Path, ...]:
    found = _files(module)
    place = PACKAGE.joinpath(*module.split(".")[1:])
    if not (place.with_suffix(".py") in found or place / "__init__.py" in found):
        raise ModuleNotFoundError(f"There is no module {module}.")
    return found


def _closure(scripts: Iterable[Path], modules: Iterable[Iterable[Path]]) -> set[Path]:
    """The library files among the given modules and everything that they import, directly or indirectly."""
    seen: set[Path] = set()
    waiting = [target for path in scripts for target in _facts(path)[1]]
    waiting += [path for files in modules for path in files]
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting.extend(_facts(path)[1])
    return seen


@cache
def _facts(path: Path) -> tuple[bytes, tuple[Path, ...]]:
    """The hash of a file's meaning, and the library files that it imports."""
    data = path.read_bytes()
    if path.suffix != ".py":
        return hashlib.sha256(data).digest(), ()
    meaning, names = _remembered().of(data)
    return bytes.fromhex(meaning), tuple(dict.fromkeys(target for name in names for target in _files(name)))


class _Meanings:
    """A cache of the meanings of Python files: hash of the bytes -> [hash of the syntax tree, imported names].

    Parsing the library takes half a second, and every job needs it at its start. The cache is therefore stored beside
    Python's own compiled files, and like them not stored where the folder is read-only. Each version of Python has its
    own cache, because its syntax trees differ.
    """

    def __init__(self) -> None:
        self._path = PACKAGE / "__pycache__" / f"meanings.{sys.implementation.cache_tag}.txt"
        try:
            self._known = json.loads(kept.read(self._path))
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
            kept.write(self._path, json.dumps(self._known))


@cache
def _remembered() -> _Meanings:
    return _Meanings()


def _imports(tree: ast.AST) -> Iterator[str]:
    """The dotted names in boxwright that a module imports, including imports inside functions."""
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
    """The files that importing a dotted name reads: its parent packages with their data files, and the module.

    Empty for a name in `OUTSIDE`.
    """
    if any(f"{name}.".startswith(f"{outside}.") for outside in OUTSIDE):
        return ()
    place, found = PACKAGE, []
    for part in ["", *name.split(".")[1:]]:
        place = place / part
        if place.is_dir():
            found += [path for path in (place / "__init__.py", *sorted(place.glob("*.binpb"))) if path.is_file()]
        elif place.with_suffix(".py").is_file():
            return (*found, place.with_suffix(".py"))
        else:  # a name defined inside the preceding module or package
            break
    return tuple(found)


def _drop_docstrings(tree: ast.AST) -> None:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                body.pop(0)
