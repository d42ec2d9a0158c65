"""Reads and writes protobuf text format, with errors that name file, line, column and the nearest known field.

Protobuf's own parser reads the values. A scan of the tokens before it finds what the parser cannot report: all unknown
fields at once, with place and nearest known name; deprecated fields and fields given twice, which are accepted with a
note; and the line of every field, for later warnings and errors.
"""

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf import message_factory, text_format
from google.protobuf.message import Message

from boxwright import protos
from boxwright.catalog.findings import RefusedError
from boxwright.core import pointers
from boxwright.core.errors import UserError
from boxwright.core.wording import plural, shortened
from boxwright.pipeline.scan import SLASHES, Note, Scan, Value
from boxwright.pipeline.schema import nearest, type_name
from boxwright.pipeline.values import expected

# How protobuf's parser words it.
_ESCAPE = re.compile(r"codec can't decode|[Ii]nvalid (escape|octal|hex)")
# What it says of a damaged text, and that in words for people.
_SAID = (
    ("missing ending quote", "a quotation mark is not closed"),
    ('Expected ":"', "a colon comes before the value"),
    ('Expected "{"', "its block begins with {"),
)
# Mistakes that are told one by one.
_SHOWN = 20


@dataclass(frozen=True)
class Document:
    """A parsed text: the message, notes on it, and where each field stands (dotted path with list indices: line)."""

    config: Message
    source: str
    notes: list[Note] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)

    def place(self, path: str) -> str:
        """`source:line` of the field `path` or, where the text leaves it to its default, of the block it belongs to."""
        while path and path not in self.lines:
            path = path.rpartition(".")[0]
        return f"{self.source}:{self.lines.get(path, 1)}"


def parse(text: str, source: str = "pipeline.config", kind: str = "TrainEvalPipelineConfig") -> Message:
    """The message that `text` holds; see `parse_document`."""
    return parse_document(text, source, kind).config


def parse_document(text: str, source: str = "pipeline.config", kind: str = "TrainEvalPipelineConfig") -> Document:
    """Parse `text` as a message of the class named `kind`, with notes and the line of every field.

    A singular field given twice counts once, with its last value, as in the OD API. Raises a UserError that names
    `source`, line and column: all unknown fields and values that do not fit together, else what the parser says.
    """
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise UserError(f"{source}:{line}: there are zeros in the text, so the file is damaged. Copy it again.")
    message = protos.message(kind)()
    scan = Scan(text)
    try:
        scan.message(message.DESCRIPTOR, "", closing=None)
        text_format.Merge(scan.without_removed(), message)
    except text_format.ParseError as error:
        raise UserError(_told(error, scan, source)) from None
    except RecursionError:
        raise UserError(f"{source}: too many nested blocks for a configuration.") from None
    return Document(message, source, scan.notes, {path: line for path, line, *_ in scan.fields})


def read(path: str | Path) -> Message:
    """The pipeline configuration in the file `path`; UserError if it is missing, not text or does not parse."""
    return read_document(path).config


def read_document(path: str | Path) -> Document:
    """As `read`, with notes and the line of every field."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{path}: the pipeline configuration cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: not a text file (byte {error.start} is not UTF-8); a pipeline configuration is text protobuf."
        ) from None
    if pointers.is_git_lfs(text.encode()):
        raise UserError(f"{path}: the pipeline configuration cannot be used: {pointers.GIT_LFS}.")
    return parse_document(text, str(path))


@contextmanager
def located(document: Document) -> Iterator[None]:
    """Turn a RefusedError raised inside into a UserError that gives the line of each field in `document`."""
    try:
        yield
    except RefusedError as error:
        raise UserError("\n".join(f"{document.place(each.field)}: {each.said}" for each in error.findings)) from None


def to_text(message: Message) -> str:
    """Text protobuf in the order of the schema; `parse` gives the same message back."""
    return text_format.MessageToString(message, as_utf8=True)


def _told(error: text_format.ParseError, scan: Scan, source: str) -> str:
    """A parser's error with file, line, column: every unknown field and unfit value, else the field being read."""
    unfit = [(value.line, value.column, why) for value in scan.values if (why := _unfit(value))]
    unknown = scan.unknown
    if scan.surplus:
        told, outside = _one_too_many(scan)
        unfit.append(told)
        unknown = [note for note in unknown if outside is None or _above(note) != _above(outside)]
    found = sorted([*((note.line, note.column, note.text) for note in unknown), *unfit])
    if found:
        places = [f"{source}:{line}:{column}: {told}" for line, column, told in found[:_SHOWN]]
        if more := len(found) - len(places):
            places.append(f"{source}: and {plural(more, 'more mistake')}")
        if scan.unclosed:
            places.append(f"{source}:{scan.unclosed[1]}: the block `{scan.unclosed[0]}` that opens here is not closed")
        return "\n".join(places)
    line, column = error.GetLine() or 1, error.GetColumn() or 1
    reason = shortened(re.sub(r"^\d+:\d+ : ", "", str(error)).removeprefix("'").strip())
    # Before the reason is the line, in quotation marks and with what it quotes itself.
    reason = re.sub(r"^.*': ", "", reason, count=1)
    if scan.unclosed and "Expected" in reason:
        path, opened = scan.unclosed
        return f"{source}:{line}:{column}: the text ends within the block `{path}` that line {opened} opens: {reason}"
    if scan.whole and scan.tokens[:1] and scan.tokens[0][1] == "{":
        return (
            f"{source}:{line}:{column}: the text begins with a brace, as JSON and a printed dictionary do, but a "
            "pipeline configuration is text protobuf, which begins with `model {`"
        )
    if reason.startswith("Expected identifier"):
        return f"{source}:{line}:{column}: a field name is expected here. {reason}"
    before = [entry for entry in scan.fields if entry[1:3] <= (line, column)]
    if not before:
        return f"{source}:{line}:{column}: {reason}"
    path, *_, descriptor = before[-1]
    reason = next((words for said, words in _SAID if said in reason), reason)
    return f"{source}:{line}:{column}: {path} takes {type_name(descriptor)}: {reason}"


def _one_too_many(scan: Scan) -> tuple[tuple[int, int, str], Note | None]:
    """Line, column and words for a brace too many, and the first field that it puts out of its block, if it does."""
    ends = {
        (after[2], after[3]): (brace[2], brace[3])
        for brace, after in itertools.pairwise(scan.tokens)
        if brace[1] == "}"
    }
    outside = next((note for note in scan.unknown if (note.line, note.column) in ends), None)
    if not outside:
        return (*scan.surplus, "this } closes no block: take it out"), None
    name = outside.field.rpartition(".")[2]
    told = f"one }} too many, here or above: `{name}`, which follows, is a field of the block that ends here"
    return (*ends[outside.line, outside.column], told), outside


def _above(note: Note) -> str:
    """The path of the block that a field is in."""
    return note.field.rpartition(".")[0]


def _unfit(value: Value) -> str:
    """Why a value does not fit its field, in words; "" if it does. Protobuf's parser decides that."""
    path, descriptor, shown = value.field, value.descriptor, shortened(value.text)
    try:
        message = message_factory.GetMessageClass(descriptor.containing_type)()
        text_format.Merge(f"{descriptor.name}: {value.text}", message)
    except text_format.ParseError as error:
        if _ESCAPE.search(str(error)):
            return f"{path} has a backslash, which begins an escape such as \\n; {SLASHES}"
        number = float(value.text) if value.text.isdecimal() else None
        told = f"{path} takes {expected(descriptor, number)}, not {shown}"
        near = nearest(shown, [one.name for one in descriptor.enum_type.values]) if descriptor.enum_type else ""
        return "; ".join(filter(None, (told, near)))
    return ""
