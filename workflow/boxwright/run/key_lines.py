"""Where the keys of a configuration are written, so that a mistake is found at once."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from boxwright.core.wording import from_here
from boxwright.run import paths

# The path to a key, from the root of the configuration on.
Place = tuple[str | int, ...]
# The lines of keys and of items of lists by their places, with the values there.
_Lines = dict[Place, tuple[int, Any]]
_NAME = re.compile("(entry [0-9]+ of )*`[^`]+`")


def located(
    mistakes: Iterable[tuple[Sequence[Place], str]], config: Mapping[str, Any], files: Iterable[str | Path]
) -> list[str]:
    """The texts of mistakes, each after the file and the line of the first of its places that is found there.

    files: those that `config` comes from, of which a later one wins. A value that no file has comes from the command
    line, say, and its mistake stays as it is.
    """
    written = [(from_here(path), _lines(Path(path))) for path in reversed(list(files))]
    return [f"{where}: {text}" if (where := _first(places, config, written)) else text for places, text in mistakes]


def named(texts: Iterable[str], config: Mapping[str, Any], files: Iterable[str | Path]) -> list[str]:
    """The lines of texts, each after the file and the line of the key whose name it begins with, if it does.

    files: see `located`. The names are those of `paths.place`.
    """
    lines = [line for text in texts for line in text.splitlines()]
    begun = [match[0] if (match := _NAME.match(line)) else "" for line in lines]
    files = list(files)
    of_name = {paths.place(place): place for path in files for place in _lines(Path(path))} if any(begun) else {}
    places = [[of_name[name]] if name in of_name else [] for name in begun]
    return located(zip(places, lines, strict=True), config, files)


def _first(places: Sequence[Place], config: Mapping[str, Any], written: Sequence[tuple[str, _Lines]]) -> str:
    for place in places:
        for path, lines in written:
            if place in lines and _agree(lines[place][1], _at(config, place)):
                return f"{path}: line {lines[place][0]}"
    return ""


def _agree(written: Any, read: Any) -> bool:
    """Whether a value of a file is that of the configuration; blocks of several files are joined."""
    return written == read or (isinstance(written, Mapping) and isinstance(read, Mapping))


def _at(config: Any, place: Place) -> Any:
    """The value at a place, whose keys may be numbers in YAML; None if there is none."""
    for key in place:
        if isinstance(config, Mapping):
            config = {str(name): value for name, value in config.items()}.get(str(key))
        else:
            config = config[key] if isinstance(config, list) and isinstance(key, int) and key < len(config) else None
    return config


def _lines(path: Path) -> _Lines:
    """The lines of all keys of a file; none if it cannot be read, which is told elsewhere."""
    try:
        loader = yaml.SafeLoader(path.read_text(encoding="utf-8-sig"))
        root = loader.get_single_node()
        return dict(_below(root, (), loader)) if root else {}
    except (OSError, yaml.YAMLError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError):
        return {}


def _below(node: yaml.Node, above: Place, loader: yaml.SafeLoader) -> Iterator[tuple[Place, tuple[int, Any]]]:
    if isinstance(node, yaml.MappingNode):
        loader.flatten_mapping(node)  # puts what `<<` takes from elsewhere before the keys of its own, which win
        children = [(str(loader.construct_object(key, deep=True)), key, value) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        children = [(index, value, value) for index, value in enumerate(node.value)]
    else:
        return
    for key, marked, value in children:
        place = (*above, key)
        yield place, (marked.start_mark.line + 1, loader.construct_object(value, deep=True))
        yield from _below(value, place, loader)
