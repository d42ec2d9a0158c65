"""Protobuf text format in and out, with errors that name file, line, column and the nearest known field.

Values are read by protobuf's own parser. A scan of the tokens before it finds what that parser cannot say: every
unknown field at once, with its place and the nearest known name; deprecated fields and fields given twice, which are
accepted with a note; and the line of every field, for messages that come later.
"""

import difflib
import re
from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf import text_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from boxwright import protos
from boxwright.errors import UserError

TOKEN = re.compile(
    r"""(?P<skip>\s+|\#[^\n]*)
      | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      | (?P<symbol>[{}<>\[\]:;,])
      | (?P<word>[^\s{}<>\[\]:;,"'\#]+)
      | (?P<stray>.)""",
    re.VERBOSE,
)
CLOSING = {"{": "}", "<": ">"}
DEPRECATED = {
    "from_detection_checkpoint": 'deprecated; read as fine_tune_checkpoint_type "detection" where that is not given',
    "max_number_of_boxes": "deprecated here and not used; the reader's max_number_of_boxes counts",
    "num_examples": "deprecated and not used; every example of the records is evaluated",
    "max_evals": "deprecated and not used; each checkpoint is evaluated once",
}
SCALARS = {
    number: name.removeprefix("TYPE_").lower()
    for name, number in vars(FieldDescriptor).items()
    if name.startswith("TYPE_")
}


@dataclass(frozen=True)
class Note:
    """Something accepted that a person should know of, at a line and column counted from 1."""

    line: int
    column: int
    field: str
    text: str


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

    A singular field given twice counts once, with its last value, as in the OD API. Raises UserError that names
    `source`, line and column: all unknown fields together, else the first value that does not fit.
    """
    message = protos.message(kind)()
    scan = _Scan(text)
    scan.message(message.DESCRIPTOR, "", closing=None)
    try:
        text_format.Merge(text, message)
    except text_format.ParseError as error:
        raise UserError(_told(error, scan, source)) from None
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
    return parse_document(text, str(path))


def to_text(message: Message) -> str:
    """Text protobuf in the order of the schema; `parse` gives the same message back."""
    return text_format.MessageToString(message, as_utf8=True)


def nearest(name: str, known: list[str]) -> str:
    """`nearest known: x`, or all that are known when nothing is near."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"nearest known: {near[0]}"
    return f"known: {', '.join(sorted(known))}" if known else "it has no fields"


def type_name(descriptor: FieldDescriptor) -> str:
    """The type of a field as a person writes it: `int32`, `bool`, `one of RELU, RELU_6`, `a message {...}`."""
    if descriptor.message_type:
        return f"a message {descriptor.message_type.name} {{ ... }}"
    if descriptor.enum_type:
        return "one of " + ", ".join(value.name for value in descriptor.enum_type.values)
    return SCALARS[descriptor.type]


class _Scan:
    """One walk over the tokens beside the schema; where the text is malformed it ends and protobuf's parser tells."""

    def __init__(self, text: str):
        self.tokens = []
        line, start = 1, 0
        for match in TOKEN.finditer(text):
            if match.lastgroup != "skip":
                self.tokens.append((match.lastgroup, match.group(), line, match.start() - start + 1))
            if newlines := match.group().count("\n"):
                line += newlines
                start = match.start() + match.group().rindex("\n") + 1
        self.next = 0
        self.unclosed: tuple[str, int] | None = None
        self.fields: list[tuple[str, int, int, FieldDescriptor]] = []
        self.unknown: list[Note] = []
        self.notes: list[Note] = []

    def peek(self) -> str | None:
        return self.tokens[self.next][1] if self.next < len(self.tokens) else None

    def take(self) -> tuple[str, str, int, int]:
        if self.next == len(self.tokens):
            raise _MalformedError
        self.next += 1
        return self.tokens[self.next - 1]

    def message(self, descriptor: Descriptor | None, path: str, closing: str | None) -> None:
        """Fields up to `closing`; `descriptor` is None inside an unknown field."""
        opened = self.tokens[self.next - 1][2] if closing else 0
        try:
            self._message(descriptor, path, closing)
        except _MalformedError:
            if closing:
                if self.next == len(self.tokens) and not self.unclosed:
                    self.unclosed = (path, opened)
                raise

    def _message(self, descriptor: Descriptor | None, path: str, closing: str | None) -> None:
        counts: dict[str, int] = {}
        chosen: dict[str, str] = {}
        while self.peek() != closing:
            group, name, line, column = self.take()
            if name == "[" and group == "symbol":
                name = self._extension(path, line, column)
            elif group != "word":
                raise _MalformedError
            known = descriptor.fields_by_name.get(name) if descriptor else None
            here = f"{path}.{name}" if path else name
            if descriptor and not known and not name.startswith("["):
                where = path or descriptor.name
                text = f"{where} has no field `{name}`; {nearest(name, list(descriptor.fields_by_name))}"
                self.unknown.append(Note(line, column, here, text))
            if known:
                self._repetitions(known, path, (line, column), counts, chosen)
            if self.peek() == ":":
                self.take()
            if self.peek() == "[":
                self.take()
                while self.peek() != "]":
                    self._value(known, here, counts, (line, column))
                    if self.peek() == ",":
                        self.take()
                self.take()
            else:
                self._value(known, here, counts, (line, column))
            if self.peek() in (",", ";"):
                self.take()
        if closing:
            self.take()

    def _extension(self, path: str, line: int, column: int) -> str:
        """The name of a field of another schema, `[package.name]`, whose opening bracket has been taken."""
        group, name, *_ = self.take()
        if group != "word" or self.take()[1] != "]":
            raise _MalformedError
        where = path or "the configuration"
        text = (
            f"`[{name}]` extends {where} by a field of another project's schema, which is not known here; leave it out"
        )
        self.unknown.append(Note(line, column, f"{path}.[{name}]" if path else f"[{name}]", text))
        return f"[{name}]"

    def _value(self, known: FieldDescriptor | None, here: str, counts: dict[str, int], place: tuple[int, int]) -> None:
        if known:
            if known.is_repeated:
                counts[known.name] = counts.get(known.name, -1) + 1
                here = f"{here}.{counts[known.name]}"
            self.fields.append((here, *place, known))
        group, token, *_ = self.take()
        if token in CLOSING and group == "symbol":
            self.message(known.message_type if known else None, here, CLOSING[token])
        elif group == "string":
            while self.next < len(self.tokens) and self.tokens[self.next][0] == "string":
                self.take()
        elif group != "word":
            raise _MalformedError

    def _repetitions(
        self,
        known: FieldDescriptor,
        path: str,
        place: tuple[int, int],
        counts: dict[str, int],
        chosen: dict[str, str],
    ) -> None:
        """Note a deprecated field, a singular field given twice and a second member of a one-of."""
        here = f"{path}.{known.name}" if path else known.name
        if known.GetOptions().deprecated:
            self.notes.append(Note(*place, here, DEPRECATED.get(known.name, "deprecated and not used")))
        if known.is_repeated:
            return
        if known.name in counts:
            how = "the blocks are merged" if known.message_type else "the last value counts"
            self.notes.append(Note(*place, here, f"given more than once; {how}"))
        counts[known.name] = 1
        if known.containing_oneof:
            before = chosen.setdefault(known.containing_oneof.name, known.name)
            if before != known.name:
                self.notes.append(Note(*place, here, f"replaces `{before}`, only one of the two can be set"))
                chosen[known.containing_oneof.name] = known.name


class _MalformedError(Exception):
    """The text is not well formed; protobuf's parser says where and why."""


def _told(error: text_format.ParseError, scan: _Scan, source: str) -> str:
    """A parser's error with file, line, column: every unknown field, else the field being read and its type."""
    if scan.unknown:
        places = [f"{source}:{note.line}:{note.column}: {note.text}" for note in scan.unknown]
        if scan.unclosed:
            places.append(f"{source}:{scan.unclosed[1]}: the block `{scan.unclosed[0]}` that opens here is not closed")
        return "\n".join(places)
    line, column = error.GetLine() or 1, error.GetColumn() or 1
    reason = re.sub(r"^\d+:\d+ : ", "", str(error)).removeprefix("'").strip()
    reason = re.sub(r"^.*?': ", "", reason, count=1) if "': " in reason else reason
    if scan.unclosed and "Expected" in reason:
        path, opened = scan.unclosed
        return f"{source}:{line}:{column}: the text ends within the block `{path}` that line {opened} opens: {reason}"
    before = [entry for entry in scan.fields if entry[1:3] <= (line, column)]
    if not before:
        return f"{source}:{line}:{column}: {reason}"
    path, *_, descriptor = before[-1]
    return f"{source}:{line}:{column}: {path} takes {type_name(descriptor)}: {reason}"
