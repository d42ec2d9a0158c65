"""The split history: the side of every sample that was ever drawn, and the table split.tsv that shows it."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from boxwright.core import kept
from boxwright.core.errors import UserError
from boxwright.core.files import parse_json, write_if_changed
from boxwright.core.wording import plural
from boxwright.dataset.samples import PlannedSample
from boxwright.dataset.split import SIDES, TEST

# side and sha256 by name
Sides = dict[str, tuple[str, str]]

_FIELDS = "file\tside\tsha256"
_SHA256 = re.compile("[0-9a-f]{64}")
# The setting that may change without another draw: it only moves images from the evaluation to the test side.
_EXTENDED = "test_fraction"


class History(NamedTuple):
    """What was drawn until now: the sides of all samples, and the `test_fraction` that they were drawn with."""

    sides: Sides
    test_fraction: float


def read(data_dir: Path, draw: Mapping[str, Any]) -> History:
    """The history of a draw with these settings; empty if there are no settings or they have changed.

    It is in the plan's folder (see `_memory`); if that file is lost, the result split.tsv still has the samples of the
    last plan, and if it has test images, they are taken to be as many as `draw` asks for.
    Raises UserError if the file that is there is damaged: images would change sides unnoticed.
    """
    nothing = History({}, 0.0)
    if not draw:
        return nothing
    memory, result = _memory(data_dir, draw), data_dir / "split.tsv"
    path = memory if memory.is_file() else result
    drawn_with = None
    try:
        text, checked = kept.opened(path.read_bytes())
        if not checked and not text.endswith("\n"):
            raise ValueError("it ends early")
        if path == memory:
            head, _, text = text.partition("\n")
            drawn_with = _settings(head)
            if _fixed(drawn_with) != _fixed(json.loads(json.dumps(dict(draw)))):
                return nothing
        sides = _sides(text)
    except FileNotFoundError:
        return nothing
    except (OSError, ValueError) as error:
        otherwise = "the split is drawn anew, and images may change sides"
        if path == memory and result.is_file():
            otherwise = f"the images in {result} keep their sides"
        raise UserError(
            f"{path}, which remembers the side of the split of each image, cannot be used: {error}. Restore it from a "
            f"backup, or delete it: then {otherwise}."
        ) from error
    if drawn_with is None:
        drawn_with = draw if any(side == TEST for side, _ in sides.values()) else {}
    return History(sides, drawn_with.get(_EXTENDED, 0.0))


def remembering(
    data_dir: Path, draw: Mapping[str, Any], history: History, samples: Mapping[str, Sequence[PlannedSample]]
) -> str:
    """Which file remembers the sides of all samples, and of how many images, in words; "" if none does.

    samples: by side, several in all. Another draw would divide them anew.
    """
    memory = _memory(data_dir, draw)
    contents = {sha256 for _, sha256 in history.sides.values()}
    used = [sample for of_side in samples.values() for sample in of_side]
    known = all(sample.name in history.sides or sample.sha256 in contents for sample in used)
    if len(used) < 2 or not known or not memory.is_file():
        return ""
    return f"{memory}, which has {plural(len(history.sides), 'image')} of earlier runs,"


def write(data_dir: Path, draw: Mapping[str, Any], table: bytes) -> None:
    """Save the sides of a draw, given as `to_tsv` writes them."""
    table = f"{_head(draw)}\n{table.decode()}".removesuffix("\n")
    write_if_changed(_memory(data_dir, draw), kept.sealed(table))


def from_tsv(text: str) -> Sides:
    """The sides in a table that `to_tsv` wrote; none if it is something else."""
    try:
        return _sides(text)
    except ValueError:
        return {}


def to_tsv(sides: Sides) -> bytes:
    """The table of sides, sorted by name; a name that would break the table is written as a JSON string."""
    lines = [_FIELDS]
    for name in sorted(sides):
        side, sha256 = sides[name]
        shown = name if name.isprintable() and not name.startswith('"') else json.dumps(name)
        lines.append(f"{shown}\t{side}\t{sha256}")
    return ("\n".join(lines) + "\n").encode()


def _settings(head: str) -> dict[str, Any]:
    """The settings of a draw from the first line of its memory. Raises ValueError if there are none."""
    if not head.startswith("# {"):
        raise ValueError("its first line is damaged")
    return parse_json(head.removeprefix("# "))


def _sides(table: str) -> Sides:
    """The sides in a table. Raises ValueError, with a clause about the file, if it is not one of `to_tsv`."""
    head, *lines = table.removesuffix("\n").split("\n")
    if head != _FIELDS:
        raise ValueError("the names of its columns are damaged")
    sides = {}
    for number, line in enumerate(lines, 2):
        name, *rest = line.split("\t")
        if len(rest) != 2 or rest[0] not in SIDES or not _SHA256.fullmatch(rest[1]):
            raise ValueError(f"line {number} of its table is damaged")
        try:
            sides[parse_json(name) if name.startswith('"') else name] = (rest[0], rest[1])
        except ValueError as error:
            raise ValueError(f"the name in line {number} of its table is damaged") from error
    return sides


def _memory(data_dir: Path, draw: Mapping[str, Any]) -> Path:
    """The file of a draw. One from given lists has its own, so that lists that are tried cost no other draw."""
    return data_dir / "plan" / ("sides_of_lists.tsv" if draw.get("lists") else "sides.tsv")


def _head(draw: Mapping[str, Any]) -> str:
    return "# " + json.dumps(dict(draw), sort_keys=True)


def _fixed(draw: Mapping[str, Any]) -> dict[str, Any]:
    """The settings whose change makes another draw."""
    return {key: value for key, value in draw.items() if key != _EXTENDED}
