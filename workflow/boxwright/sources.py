"""Which code makes a result: the identity of a script together with all of the library that it can reach.

Snakemake tracks the time of a script, but not the modules that it imports. A rule therefore carries `identity(script)`
among its parameters: it changes when the meaning of the script, or of any boxwright module that it imports directly or
through others, changes. Comments, docstrings and layout do not count, nor do file times.
"""

import ast
import hashlib
import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def identity(*scripts: str | Path) -> str:
    """Hexadecimal identity of the given scripts and of every boxwright module in reach of their imports."""
    digest = hashlib.sha256()
    files = [Path(script).resolve() for script in scripts]
    for path in files:
        digest.update(_facts(path)[0])
    for path in sorted(_closure(files)):
        digest.update(str(path.relative_to(PACKAGE)).encode() + _facts(path)[0])
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
    tree = ast.parse(data)
    imported = tuple(dict.fromkeys(target for name in _imports(tree) for target in _files(name)))
    _drop_docstrings(tree)
    return hashlib.sha256(ast.dump(tree, annotate_fields=False).encode()).digest(), imported


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


def _files(name: str) -> Iterator[Path]:
    """The files that importing a dotted name runs: the packages on the way, the module, and data of a package."""
    place = PACKAGE
    for part in ["", *name.split(".")[1:]]:
        place = place / part
        if place.is_dir():
            yield from (path for path in (place / "__init__.py", *sorted(place.glob("*.binpb"))) if path.is_file())
        elif place.with_suffix(".py").is_file():
            yield place.with_suffix(".py")
            return
        else:  # a name inside the module or package before it
            return


def _drop_docstrings(tree: ast.AST) -> None:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                body.pop(0)
