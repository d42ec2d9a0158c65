"""The YAML file of a configuration, read for what is lost once it is a mapping: keys given twice, aliases, depth.

YAML parsers let the last of two equal keys win, and a few lines of aliases of aliases can stand for more nodes than
fit into memory. `check` goes through the file's events, so it needs neither recursion nor memory for what aliases
stand for.
"""

import json
import re
import shlex
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from boxwright.console.progress import say
from boxwright.core.errors import UserError
from boxwright.core.wording import few

# More than any configuration has: mappings and lists inside each other, and keys and values with aliases expanded.
DEEPEST = 100
MOST_NODES = 100_000

# A point before each three digits, as thousands are written in some countries.
_THOUSANDS = r"[1-9]\d{0,2}\.\d{3}"
# A word, a colon and at once what may be a value.
_JOINED = re.compile(r"\s*(\w+):([^\s:/\\][^\s]*)\s*(?:#.*)?$")

# A space that is none to YAML, before a key or behind its colon; and a value that begins with a printed quotation mark.
_ODD_SPACE = re.compile(r" *(?:- +)?(?:[^\S \t]|[\w.]+:[^\S \t\n])")
_CURLY = re.compile(r"\s*(?:- +)?[\w.]+:\s+\[?([“”„‘’])")

# What runs without a configuration, relative to the folder of the workflow.
DEMO = "config/config.yaml"
SCHEMA = Path(__file__).resolve().parents[2] / "schemas" / "config.schema.yaml"

# Snakemake reads the file with the parser in Python too; libyaml's differs from it in what it accepts.
_LOADER = yaml.SafeLoader
# PyYAML lets through what Python raises for a value that does not fit its tag, such as `!!float ""`.
_RAISED = (yaml.YAMLError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError)


class UnreadableError(UserError):
    """What is wrong in the text of configurations.

    files: these. content: what the only one holds otherwise, None if that is lost.
    """

    def __init__(self, text: str, files: list[str], content: Any) -> None:
        super().__init__(text)
        self.files, self.content = files, content


def check(paths: Iterable[str | Path]) -> None:
    """Raise UnreadableError with what is lost or fatal once the files are read.

    These are keys that a file gives twice, keys without a space after the colon, and files that are not there, empty,
    no YAML, or too large because of aliases or nesting.
    """
    paths = list(dict.fromkeys(map(str, paths)))
    mistakes = [f"{path}: {text}" for path in paths for text in _mistakes(_text(path))]
    if mistakes:
        raise UnreadableError("\n".join(mistakes), paths, _otherwise(_text(paths[0])) if len(paths) == 1 else None)


def read(path: str | Path) -> Any:
    """The content of a YAML or JSON file that `check` passes. Raises UserError if it cannot be read."""
    check([path])
    text = _text(path)
    try:
        return yaml.load(text, Loader=_LOADER)
    except _RAISED as error:
        raise UserError(f"{path} cannot be read as YAML: {_reason(error, text)}") from error


def as_yaml(text: str) -> str:
    """A text as a value in YAML, also within brackets: as it is where it is read so, else quoted."""
    try:
        plain = yaml.load(f"[{text}]", Loader=_LOADER) == [text]
    except _RAISED:
        plain = False
    return text if plain else json.dumps(text, ensure_ascii=False)


def say_that_it_is_the_demo(folder: Path = Path()) -> None:
    """Where no configuration is given, say that the demo runs if the folder has a configuration of one's own."""
    others = [str(path) for path in sorted(folder.glob("*.y*ml")) if _is_configuration(path)]
    if others:
        whose = f"For {others[0]} add" if len(others) == 1 else f"For one of your own ({few(others)}) add it, as in"
        say(
            f"No configuration is given, so this is the demo ({DEMO}). {whose} `--configfile {shlex.quote(others[0])}`."
        )


def _is_configuration(path: Path) -> bool:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return False
    return all(re.search(rf"^{key}\s*:", text, re.MULTILINE) for key in ("dataset", "models"))


@cache
def _whole() -> set[str]:
    """The keys that take whole numbers, wherever they are."""

    def below(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            known = node.get("properties", {})
            yield from (key for key, child in known.items() if "integer" in str(child.get("type", "")))
            for child in node.values():
                yield from below(child)

    return set(below(schema()))


@cache
def schema() -> dict[str, Any]:
    """The schema of the configuration: each key with its meaning, bounds and default."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C: a tenth of the time, but not everywhere
    return yaml.load(SCHEMA.read_text(encoding="utf-8"), Loader=loader)


def _keys(node: Any) -> Iterator[str]:
    """The names of all keys in a part of the schema, wherever they belong."""
    if isinstance(node, dict):
        yield from node.get("properties", {})
        for child in node.values():
            yield from _keys(child)


def _text(path: str | Path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not text in UTF-8 ({error.reason} at byte {error.start}).") from error
    except FileNotFoundError as error:
        others = [one for one in Path(path).parent.glob("*.y*ml") if not one.name.startswith(".")]
        near = few(sorted(map(str, others)), 5)
        here = f" There {'are' if others[1:] else 'is'} {near}." if near else ""
        raise UserError(f"There is no configuration {path} (looked for from {Path.cwd()}).{here}") from error
    except IsADirectoryError as error:
        raise UserError(f"{path} is a folder. Name the file of the configuration, such as my.yaml.") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from error


def _otherwise(text: str) -> Any:
    """The content of a file with a mistake, whose colons get the space that they lack; None if it cannot be read."""
    lines = (_JOINED.sub(_spaced, line) for line in text.splitlines())
    text = "\n".join(lines)
    walk = _Walk()
    try:
        list(walk.mistakes(text))
        return yaml.load(text, Loader=_LOADER) if walk.ended else None
    except _RAISED:
        return None


def _spaced(found: re.Match[str]) -> str:
    """A line with a space after the colon, if what is before it is a key."""
    return found[0].replace(":", ": ", 1) if found[1] in _keys(schema()) else found[0]


def _mistakes(text: str) -> Iterator[str]:
    if not text.strip():
        yield "the file is empty; it needs at least `dataset` and `models`."
        return
    yield from _odd_letters(text)
    joined = list(_without_space(text))
    yield from joined
    if text.lstrip().startswith("{") and (pairs := _json(text)) is not None:
        yield from pairs
        return
    try:
        yield from _Walk().mistakes(text)
    except yaml.YAMLError as error:
        if not joined and not any(_odd_letters(text)):  # which YAML finds only on the next line
            yield f"cannot be read as YAML: {_reason(error, text)}"


def _without_space(text: str) -> Iterator[str]:
    """The lines on which a key has no space after its colon, so that YAML takes key and value for one text."""
    keys = set(_keys(schema()))
    for number, line in enumerate(text.splitlines(), 1):
        found = _JOINED.match(line)
        if found and found[1] in keys:
            yield f"line {number}: `{found[0].strip()}` has no space after the colon; write `{found[1]}: {found[2]}`."


def _odd_letters(text: str) -> Iterator[str]:
    """The lines with letters of word processors and web pages where YAML has others."""
    for number, line in enumerate(text.splitlines(), 1):
        if _ODD_SPACE.match(line):
            yield f"line {number}: there is a space of another kind, as on web pages; write an ordinary one instead."
        if found := _CURLY.match(line):
            yield f'line {number}: {found[1]} is no quotation mark to YAML, but a letter of the value; write " or none.'


def _json(text: str) -> list[str] | None:
    """The keys that a JSON file gives twice; None if it is not JSON."""
    twice: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> None:
        keys = [key for key, _ in items]
        twice.extend(f"`{key}` is given twice; keep one." for key in dict.fromkeys(keys) if keys.count(key) > 1)

    try:
        json.loads(text, object_pairs_hook=pairs)
    except (ValueError, RecursionError):
        return None
    return twice


# What a parser says, with what it was doing; how that is told, with what to do; and whether the mistake is where it
# began to read, and not where it noticed.
_TOLD = (
    (r"'\\t'", "a tab is not allowed there; indent with spaces", False),
    (
        r"mapping values are not allowed",
        "there is a colon where no key can begin: keys of one block start in the same column, a value with a colon "
        "in it needs quotes, and a line before may lack its colon",
        False,
    ),
    (r"character '(.)' that cannot start", "a value cannot begin with {}; quote it", False),
    (r"(?:alias|anchor).* expected alphabetic or numeric", "a value cannot begin with * or &; quote it", False),
    (r"quoted scalar.* unexpected (?:end of stream|document separator)", "a quotation mark is not closed", True),
    (r"expected ',' or '([\]}])'", "after a value in brackets comes a comma or {}", False),
    (
        r"expected <block end>, but found '(?:<block |-|\?)",
        "the line begins in another column than those around it: keys of one block start in the same column, and so do "
        "the items of a list",
        False,
    ),
    (r"expected <block end>, but found '[\]}]'", "a bracket closes that was not opened", False),
    (
        r"expected <block end>",
        "something follows a value that has ended; quote the whole value, with an apostrophe in it doubled",
        False,
    ),
    (
        r"expected escape sequence|found unknown escape character",
        "in double quotes \\ begins an escape; write single quotes around a path with \\, or / in it",
        False,
    ),
    (r"could not find expected ':'", "a key has no colon behind it", True),
    (r"could not determine a constructor for the tag", "a value cannot begin with !; quote it", False),
)


def _reason(error: Exception, text: str) -> str:
    mark, around = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    if mark and (unclosed := _unclosed(text, mark.line + 1)):
        return unclosed
    problem = getattr(error, "problem", None) or str(error)
    whole = f"{getattr(error, 'context', None) or ''}: {problem}"
    for pattern, told, at_beginning in _TOLD:
        if found := re.search(pattern, whole):
            problem = told.format(*found.groups())
            mark = around if at_beginning and around else mark
            break
    return f"{problem} (line {mark.line + 1})." if mark else f"{problem}."


# Where a value begins, brackets and quotation marks open something: at the start of a line, or behind one of these.
_BEFORE_A_VALUE = ("", ":", "-", "?", ",", "[", "{")
_CLOSING = {"[": "]", "{": "}"}
_QUOTATIONS = {'"': re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL), "'": re.compile(r"'(?:[^']|'')*'")}


def _unclosed(text: str, noticed: int) -> str:
    """Which bracket or quotation mark is not closed, with its line; "" if all are.

    noticed: the line on which a parser gave up, which may be far below. A quotation that ends there and began above
    lacks its mark: it has taken in what follows, up to the next one.
    """
    opened: list[tuple[str, int]] = []
    crossed: tuple[str, int] | None = None  # a bracket before whose end one of another kind closes
    place, line, before = 0, 1, ""
    while place < len(text):
        one, last = text[place], place + 1
        if one == "\n":
            line, before = line + 1, ""
        elif one == "#" and (place == 0 or text[place - 1].isspace()):
            last = place + len(text[place:].partition("\n")[0])
        elif one in _QUOTATIONS and before in _BEFORE_A_VALUE:
            found = _QUOTATIONS[one].match(text, place)
            ends = line + found[0].count("\n") if found else noticed
            if line < ends == noticed or (not found and line == noticed):
                return f"a quotation mark is not closed (line {line})."
            last, line, before = found.end() if found else len(text), ends, one
        elif one in _CLOSING and (opened or before in _BEFORE_A_VALUE):
            opened.append((one, line))
            before = one
        elif opened and one == _CLOSING[opened[-1][0]]:
            opened.pop()
            before = one
        elif opened and one in _CLOSING.values():
            crossed, before = crossed or opened[-1], one
        elif not one.isspace():
            before = one
        place = last
    bracket = crossed or next(iter(opened), None)
    return f"the bracket {bracket[0]} is not closed (line {bracket[1]})." if bracket and bracket[1] <= noticed else ""


def _another_number(text: str) -> str:
    """What YAML makes of digits that a person reads as another number, and what to write; "" for all other texts."""
    if re.fullmatch(r"[-+]?0[0-7_]+", text):
        read, meant = yaml.load(text, Loader=_LOADER), re.sub("(?<![0-9_])[0_]+", "", text)
        if meant.strip("-+") == "" or read == int(meant.replace("_", "")):
            return ""
        return f"is {read} to YAML, because of the 0 before it; write {meant}, or quote it as a text."
    if re.fullmatch(r"[-+]?[1-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?", text):
        return f'is {yaml.load(text, Loader=_LOADER)} to YAML, as minutes are; quote it if it is a text: "{text}".'
    return ""


class _Node:
    """An open mapping or list, or the document: its keys by text with their lines, and what it holds so far."""

    def __init__(self, where: str, mapping: bool, anchor: str | None) -> None:
        self.where, self.mapping, self.anchor = where, mapping, anchor
        self.lines: dict[str, list[int]] = {}
        self.key: str | None = None  # the key whose value comes next
        self.after_comma = False  # whether that key follows a comma at once
        self.size = 1


def _is_thousands(node: _Node) -> bool:
    """Whether the key of a value that is empty is the end of a number with a comma, as in {num_steps: 1,000}."""
    return node.after_comma and re.fullmatch(r"\d{3}", node.key or "") is not None


class _Walk:
    """One pass over the events of a YAML file."""

    def __init__(self) -> None:
        self._open = [_Node("", mapping=False, anchor=None)]
        self._sizes: dict[str, int] = {}  # nodes that each finished anchor stands for
        self._documents = 0
        self.ended = False  # whether the whole file was walked

    def mistakes(self, text: str) -> Iterator[str]:
        for event in yaml.parse(text, Loader=_LOADER):
            node = self._open[-1]
            line = event.start_mark.line + 1
            if len(self._open) == 1 and isinstance(event, yaml.ScalarEvent | yaml.SequenceStartEvent):
                what = "a list" if isinstance(event, yaml.SequenceStartEvent) else "a single value"
                yield (
                    f"line {line}: this is {what}, but a configuration has keys, each with a colon behind it, at least "
                    "`dataset` and `models`."
                )
                return
            if isinstance(event, yaml.AliasEvent):
                if any(one.anchor == event.anchor for one in self._open):
                    what = _named(node.where or f"*{event.anchor}")
                    yield f"line {line}: {what} holds itself, by the alias *{event.anchor}."
                    return
                if event.anchor not in self._sizes:
                    yield (
                        f"line {line}: *{event.anchor} stands for a value that has the mark &{event.anchor} before it, "
                        f'but none above has it; if it is a text, quote it: "*{event.anchor}".'
                    )
                    return
                self._add(self._sizes[event.anchor], key=f"*{event.anchor}", line=line)
            elif isinstance(event, yaml.DocumentStartEvent):
                self._documents += 1
                if self._documents > 1:
                    yield (
                        f"line {line}: with --- another configuration begins, but a file holds one; give each a file "
                        "of its own."
                    )
                    return
            elif isinstance(event, yaml.ScalarEvent):
                if event.anchor:
                    self._sizes[event.anchor] = 1
                is_key = node.mapping and node.key is None
                if is_key:
                    node.after_comma = text[event.start_mark.index - 1] == ","
                elif not event.value and event.style is None and _is_thousands(node):
                    line = node.lines[node.key][-1]
                    yield f"line {line}: a comma before {node.key} ends the value; write numbers without commas."
                elif event.style is None and node.key in _whole() and re.fullmatch(_THOUSANDS, event.value):
                    told = f"`{node.key}: {event.value}` is {float(event.value):g} to YAML"
                    yield f"line {line}: {told}; write {event.value.replace('.', '')}, or no zeros behind a point."
                elif event.style is None and (why := _another_number(event.value)):
                    key = f"{node.key}: " if node.mapping else ""
                    yield f"line {line}: `{key}{event.value}` {why}"
                self._add(1, key=event.value, line=line)
            elif isinstance(event, yaml.CollectionStartEvent):
                if len(self._open) > DEEPEST:
                    yield f"line {line}: {_named(node.where)} is nested more than {DEEPEST} levels deep."
                    return
                where = f"{node.where}.{node.key}".lstrip(".") if node.key is not None else node.where
                mapping = isinstance(event, yaml.MappingStartEvent)
                self._open.append(_Node(where, mapping, event.anchor))
            elif isinstance(event, yaml.CollectionEndEvent):
                self._open.pop()
                if node.anchor:
                    self._sizes[node.anchor] = node.size
                yield from self._twice(node)
                self._add(node.size, key="", line=line)
            if self._open[-1].size > MOST_NODES:
                yield (
                    f"line {line}: {_named(self._open[-1].where or str(self._open[-1].key or ''))} has more than "
                    f"{MOST_NODES:,} values when its aliases (*) are written out; no configuration is so large."
                )
                return
        self.ended = True

    def _add(self, size: int, key: str, line: int) -> None:
        """Count a whole node in the innermost open one; in a mapping, keys and values alternate."""
        node = self._open[-1]
        node.size += size
        if not node.mapping:
            return
        if node.key is None:
            node.key = key
            node.lines.setdefault(key, []).append(line)
        else:
            node.key = None

    def _twice(self, node: _Node) -> Iterator[str]:
        for key, lines in node.lines.items():
            if len(lines) > 1 and key not in ("<<", ""):
                name = f"{node.where}.{key}".lstrip(".")
                places = few([f"line {one}" for one in dict.fromkeys(lines)])
                times = "twice" if len(lines) == 2 else f"{len(lines)} times"
                yield f"`{name}` is given {times}, on {places}; keep one."


def _named(where: str) -> str:
    return f"`{where if len(where) <= 60 else where[:57] + '...'}`" if where else "the file"
