"""JSON as annotation tools write it: read with the line of a mistake, numbers and names in any of their forms."""

import json
import math
from typing import Any

from boxwright.core.errors import UserError
from boxwright.core.wording import shortened
from boxwright.dataset.formats import text_lines


def load(data: bytes) -> Any:
    """The value in a JSON file in UTF-8, UTF-16 or UTF-32.

    Raises UserError with a clause about the file if it is not well-formed, or if one object has a key twice, because
    all but the last value would be lost in silence.
    """
    try:
        text = data.decode(json.detect_encoding(data))
    except UnicodeDecodeError:
        text = text_lines.decode(data)
    return parse(text.removeprefix("\ufeff"))


def parse(text: str) -> Any:
    """The value in a JSON text; errors are those of `load`."""
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise UserError(
            f"it is not well-formed JSON: line {error.lineno}, column {error.colno}: {error.msg.lower()}"
        ) from error
    except RecursionError as error:
        raise UserError("it is not an annotation: its JSON is nested too deeply") from error
    except ValueError as error:  # a whole number with thousands of digits
        raise UserError(f"it is not well-formed JSON: {str(error).partition(';')[0]}") from error


def number(value: Any) -> float:
    """A number, also one that is written as text; NaN for everything else."""
    if isinstance(value, bool):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
    except OverflowError:
        return math.inf


def size(value: Any) -> int:
    """A width or height of an image in pixels; 0 if it is not one."""
    value = number(value)
    return int(value) if 1 <= value < 2**31 else 0


def name(value: Any) -> str:
    """A class's name, also one that is a number; "" for what is neither text nor number."""
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def yes(value: Any) -> bool:
    """Whether a flag is set: true, a number that is not 0, or the text of one of them."""
    return (
        value.strip().lower() in ("1", "true", "yes") if isinstance(value, str) else number(value) > 0 or value is True
    )


def expect(value: Any, kind: type[list] | type[dict], what: str) -> Any:
    """A list or an object; raises UserError if it is something else. `what`: the words for it."""
    if not isinstance(value, kind):
        wanted = "a list" if kind is list else "an object"
        raise UserError(f"{what} is not {wanted} but {shortened(json.dumps(value), 60)}")
    return value


def optional(value: Any, kind: type[list] | type[dict], what: str) -> Any:
    """A list or an object as `expect` gives it, an empty one for null and for what is not there."""
    return kind() if value is None else expect(value, kind, what)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise UserError(f"an object of its JSON has the key {json.dumps(shortened(twice, 60))} twice")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_unique)


def plain(head: bytes) -> bytes:
    """The first part of a file as ASCII's letters, whatever its encoding, without a mark at its start."""
    return head.replace(b"\0", b"").removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")
