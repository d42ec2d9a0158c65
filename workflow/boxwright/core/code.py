"""The code identity: which code makes a result, as one short hash of scripts, modules and all that they can reach.

Snakemake tracks the time of a script, but not the modules that it imports. A rule therefore carries `identity(script)`
among its parameters: it changes when the meaning of the script, or of any boxwright module that it imports directly or
through others, changes. Comments, docstrings and layout do not count, nor do file times.

Rooms that only speak or refuse (`OUTSIDE`) do not count either: another word in a progress line, another range that a
number must be in, another row of the catalogue make no result another one. Parts that are chosen by name (a backbone,
a loss, an annotation format) are imported by that name, so that no import in sight leads to them: whoever asks for an
identity gives those in use as further modules.
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

from boxwright.core.files import write_if_changed

PACKAGE = Path(__file__).resolve().parents[1]

# What these modules say decides no result. The rows of the catalogue that are in use count by value, where they do.
OUTSIDE = ("boxwright.console", "boxwright.catalog", "boxwright.core.wording", "boxwright.evaluation.table")


def identity(*roots: str | Path) -> str:
    """The code identity, 16 hexadecimal digits, of scripts (paths) and modules ("boxwright.boxes.nms").

    Raises ModuleNotFoundError for a module that the library does not have.
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
    """The files below the library, "boxes/nms.py", whose meaning is in the `identity` of the same roots; sorted."""
    scripts = [Path(root).resolve() for root in roots if not _is_module(root)]
    modules = [_file(root) for root in roots if _is_module(root)]
    return sorted(path.relative_to(PACKAGE).as_posix() for path in _closure(scripts, modules))


def reach_from_jobs() -> None:
    """Let every process started from here import this library, whatever environment it runs in."""
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
    """The files of the library which the given ones are or import, directly or through others."""
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
    """The files that importing a dotted name runs: the packages on the way, the module, and data of a package.

    None for a name that is `OUTSIDE`.
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
