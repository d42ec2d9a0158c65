"""Compares the tokens of text protobuf with the schema, to find what protobuf's own parser does not report.

One walk finds all unknown fields, each with the nearest known name, deprecated fields, fields given twice, and the line
of every field.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from boxwright.core.wording import shortened
from boxwright.pipeline.schema import homes, nearest

TOKEN = re.compile(
    r"""(?P<skip>\s+|\#[^\n]*)
      | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      | (?P<symbol>[{}<>\[\]:;,])
      | (?P<word>[^\s{}<>\[\]:;,"'\#]+)
      | (?P<stray>.)""",
    re.VERBOSE,
)
# What stands for a control character or an ASCII one. A path with single backslashes can have one by chance.
ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*(\\(?:[abfnrtv]|[01]?[0-7]{1,2}(?![0-7])))")
SLASHES = "a path is written with / or with \\\\"
CLOSING = {"{": "}", "<": ">"}
DEPRECATED = {
    "from_detection_checkpoint": 'deprecated; read as fine_tune_checkpoint_type "detection" if that is not given',
    "max_number_of_boxes": "deprecated here and not used; the reader's max_number_of_boxes counts",
    "num_examples": "deprecated and not used; every example of the records is evaluated",
    "max_evals": "deprecated and not used; each checkpoint is evaluated once",
}
# Fields of older configurations, among them some of the model zoo, that the schema no longer has.
REMOVED = {
    ("SsdFeatureExtractor", "batch_norm_trainable"): "removed from the schema and left out; freeze_batchnorm of the "
    "model decides whether batch norm learns",
}


@dataclass(frozen=True)
class Note:
    """A note on something that is accepted but worth knowing, at a line and column counted from 1.

    level: "warning" if something that the file says is lost, else "info".
    """

    line: int
    column: int
    field: str
    text: str
    level: str = "info"


class Value(NamedTuple):
    """A value of a field as it is written, at a line and column counted from 1. field: its dotted path."""

    line: int
    column: int
    field: str
    descriptor: FieldDescriptor
    text: str


class Scan:
    """One walk over the tokens and the schema. It stops where the text is malformed; protobuf's parser reports that."""

    def __init__(self, text: str):
        self.text = text
        self.tokens, self.spans = [], []
        self.removed: list[tuple[int, int]] = []
        line, start = 1, 0
        for match in TOKEN.finditer(text):
            if match.lastgroup != "skip":
                self.tokens.append((match.lastgroup, match.group(), line, match.start() - start + 1))
                self.spans.append(match.span())
            if newlines := match.group().count("\n"):
                line += newlines
                start = match.start() + match.group().rindex("\n") + 1
        self.next = 0
        self.whole = False
        self.ended = False
        self.unclosed: tuple[str, int] | None = None
        # Line and column of a brace that closes no block.
        self.surplus: tuple[int, int] | None = None
        self.fields: list[tuple[str, int, int, FieldDescriptor]] = []
        self.values: list[Value] = []
        self.unknown: list[Note] = []
        self.notes: list[Note] = []

    def without_removed(self) -> str:
        """The text with spaces in place of removed fields, so that all lines stay where they are."""
        text = self.text
        for start, end in self.removed:
            text = text[:start] + re.sub(r"\S", " ", text[start:end]) + text[end:]
        return text

    def peek(self) -> str | None:
        return self.tokens[self.next][1] if self.next < len(self.tokens) else None

    def take(self) -> tuple[str, str, int, int]:
        if self.next == len(self.tokens):
            self.ended = True
            raise _MalformedError
        self.next += 1
        return self.tokens[self.next - 1]

    def message(self, descriptor: Descriptor | None, path: str, closing: str | None) -> None:
        """Fields up to `closing`; `descriptor` is None inside an unknown field."""
        self.whole = self.whole or (descriptor is not None and descriptor.name == "TrainEvalPipelineConfig")
        opened = self.tokens[self.next - 1][2] if closing else 0
        try:
            self._message(descriptor, path, closing)
        except _MalformedError:
            if closing:
                if self.ended and not self.unclosed:
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
                if name == "}" and closing is None:
                    self.surplus = line, column
                raise _MalformedError
            known = descriptor.fields_by_name.get(name) if descriptor else None
            here = f"{path}.{name}" if path else name
            begin, gone = self.next - 1, REMOVED.get((descriptor.name, name)) if descriptor else None
            if gone:
                self.notes.append(Note(line, column, here, gone))
            elif descriptor and not known and not name.startswith("["):
                self.unknown.append(Note(line, column, here, _unknown(name, path, descriptor, self.whole)))
            if known:
                self._repetitions(known, path, (line, column), counts, chosen)
            if self.peek() == ":":
                self.take()
            elif known and not known.message_type:
                self.fields.append((here, line, column, known))
                raise _MalformedError
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
            if gone:
                self.removed.append((self.spans[begin][0], self.spans[self.next - 1][1]))
        if closing:
            self.take()

    def _extension(self, path: str, line: int, column: int) -> str:
        """The name of a field of another schema, `[package.name]`, whose opening bracket has been taken."""
        group, name, *_ = self.take()
        if group != "word" or self.take()[1] != "]":
            raise _MalformedError
        where = path or "the configuration"
        text = (
            f"`[{shortened(name)}]` extends {where} with a field of another project's schema, which is not known here; "
            "remove it"
        )
        self.unknown.append(Note(line, column, f"{path}.[{name}]" if path else f"[{name}]", text))
        return f"[{name}]"

    def _value(self, known: FieldDescriptor | None, here: str, counts: dict[str, int], place: tuple[int, int]) -> None:
        if known:
            if known.is_repeated:
                counts[known.name] = counts.get(known.name, -1) + 1
                here = f"{here}.{counts[known.name]}"
            self.fields.append((here, *place, known))
        begin = self.next
        group, token, *at = self.take()
        if token in CLOSING and group == "symbol":
            if known and not known.message_type:
                self.values.append(Value(*at, here, known, token))
            self.message(known.message_type if known else None, here, CLOSING[token])
        elif group == "string":
            if known and (escape := ESCAPE.search(token)):
                self.notes.append(Note(*place, here, f"`{escape[1]}` in it is an escape; {SLASHES}", "warning"))
            while self.next < len(self.tokens) and self.tokens[self.next][0] == "string":
                self.take()
        elif group != "word":
            raise _MalformedError
        if known and group in ("string", "word"):
            text = self.text[self.spans[begin][0] : self.spans[self.next - 1][1]]
            self.values.append(Value(*at, here, known, text))

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
            if known.message_type:
                self.notes.append(Note(*place, here, "given more than once; the blocks are merged"))
            else:
                why = "given more than once; the last value counts, the others are lost"
                self.notes.append(Note(*place, here, why, "warning"))
        counts[known.name] = 1
        if known.containing_oneof:
            before = chosen.setdefault(known.containing_oneof.name, known.name)
            if before != known.name:
                # An element of a list can be given again in a block of its own.
                instead = "give each a block of its own" if path.rpartition(".")[2].isdigit() else "remove one of them"
                why = f"replaces `{before}`, which is lost: a block holds only one of the two; {instead}"
                self.notes.append(Note(*place, here, why, "warning"))
                chosen[known.containing_oneof.name] = known.name


def _unknown(name: str, path: str, descriptor: Descriptor, whole: bool) -> str:
    """Why the word `name` is not a field of the message. whole: whether the text is a whole pipeline configuration."""
    if name.startswith("/"):
        return "a comment begins with `#`"
    word = shortened(name)
    if not name.isidentifier():
        hint = "numbers use a decimal point, and lists use brackets as in [1, 2]"
        return f"{word!r} cannot be a field of {path or descriptor.name}; {hint}"
    told = f"{path or descriptor.name} has no field `{word}`"
    if places := homes(name, path) if whole else []:
        *others, last = places
        return f"{told}; {', '.join(others)} and {last} have one" if others else f"{told}; {last} has one"
    return f"{told}; {nearest(name, list(descriptor.fields_by_name))}"


class _MalformedError(Exception):
    """The text is not well formed; protobuf's parser says where and why."""
