"""The import audit: what became of every object that the annotations state.

For each statement, and in all, the objects stated are those in the records, the ignore regions, and those left out,
each with its reason: a defect of `defects.DEFECTS`, or one of the reasons here.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from boxwright.catalog import formats
from boxwright.core import names
from boxwright.core.wording import few, plural

# Reasons that are no defects.
ON_NO_LIST, IGNORED_CLASS = "on_neither_list", "ignored_class"
REASONS = {
    ON_NO_LIST: "the image is on no list of the split",
    IGNORED_CLASS: "the class is one of `dataset.classes.ignore`",
}
# In place of an annotation in the row of a format.
ALL = "*"
HEADER = ("annotation", "format", "stated", "records", "ignored", "left_out", "reasons")


class Row(NamedTuple):
    """What became of the objects of one statement.

    annotation: the file, with the image in brackets if the file is about several. format: its key. stated: the number
    of its objects. ignored, left_out: how many are ignore regions or are not used, by reason.
    """

    annotation: str
    format: str
    stated: int
    ignored: Mapping[str, int]
    left_out: Mapping[str, int]

    @property
    def used(self) -> int:
        """The number of boxes in the records."""
        return self.stated - sum(self.ignored.values()) - sum(self.left_out.values())


class Ledger:
    """The rows of a data set, by image as long as it may still be left out."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}
        self._lost: list[Row] = []
        self.unread: Counter[str] = Counter()
        self._passed: dict[str, str] = {}
        self._odd: list[tuple[Row, str]] = []

    def enter(self, image: str, annotation: str, key: str, stated: int, fates: Mapping[tuple[bool, str], int]) -> None:
        """An image's objects; `fates`: their numbers by whether they are ignore regions and by reason, of those that
        are not in the records.
        """
        ignored = {reason: count for (region, reason), count in fates.items() if region} if fates else {}
        left_out = {reason: count for (region, reason), count in fates.items() if not region} if fates else {}
        self._rows[image] = Row(annotation, key, stated, ignored, left_out)

    def drop(self, image: str, reason: str) -> None:
        """Leave an image out with all its objects."""
        if row := self._rows.pop(image, None):
            self.lose(row.annotation, row.format, row.stated, reason)

    def lose(self, annotation: str, key: str, stated: int, reason: str) -> None:
        """Objects of which none is used."""
        if stated:
            self._lost.append(Row(annotation, key, stated, {}, {reason: stated}))

    def cannot_read(self, key: str) -> None:
        """A file whose objects cannot be counted."""
        self.unread[key] += 1

    def pass_over(self, file: str, why: str) -> None:
        """A file that does not look like an annotation."""
        self._passed[file] = why

    def notice(self, annotation: str, key: str, why: str) -> None:
        """A trace of a fault of the tool that wrote a file, or several; no object is lost by it here."""
        self._odd.append((Row(annotation, key, 0, {}, {}), why))

    def rows(self) -> Iterator[Row]:
        """All rows."""
        yield from self._rows.values()
        yield from self._lost

    def to_tsv(self) -> bytes:
        """The table import.tsv: a row in all for each format, one for each statement with a difference, one for each
        trace of a tool's fault, and one for each file that was passed over.
        """
        lines = ["\t".join(HEADER)]
        rows = list(self.rows())
        for key in sorted({row.format for row in rows} | self.unread.keys()):
            own = _total(key, (row for row in rows if row.format == key))
            unread = [f"{self.unread[key]} unreadable files, whose objects are unknown"] if self.unread[key] else []
            lines.append(_line(own, unread))
        lines += sorted([_line(row) for row in rows if row.used != row.stated])
        lines += sorted([_line(row, [f"noticed: {why}"]) for row, why in self._odd])
        for file, why in sorted(self._passed.items()):
            lines.append(_line(Row(file, "", 0, {}, {}), [f"passed over: {why}"]))
        return ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace")

    def unused(self) -> Counter[str]:
        """How many objects are not in the records, as ignore regions or not at all, by reason."""
        return sum((Counter(part) for row in self.rows() for part in (row.ignored, row.left_out) if part), Counter())

    def text(self) -> str:
        """The audit in one line for the terminal."""
        rows = list(self.rows())
        whole = _total("", rows)
        known = formats.by_key()
        kinds = ", ".join(known[key].name for key in sorted({row.format for row in rows})) or "none"
        said = f"Objects in the annotations ({kinds}): {whole.stated}"
        parts = [f"{whole.used} in the records"]
        if whole.ignored:
            parts.append(f"{plural(sum(whole.ignored.values()), 'ignore region')} ({_reasons(whole.ignored)})")
        if whole.left_out:
            parts.append(f"{sum(whole.left_out.values())} left out ({_reasons(whole.left_out)})")
        lines = f"{said} = {' + '.join(parts)}" if len(parts) > 1 else f"{said}, all in the records"
        if unread := self.unread.total():
            lines += f"; {plural(unread, 'file')} cannot be read, with an unknown number of objects"
        if self._passed:
            is_none = "is no annotation" if len(self._passed) == 1 else "are no annotations"
            lines += f"; {few(sorted(self._passed))} {is_none}"
        return lines


def _total(key: str, rows: Iterable[Row]) -> Row:
    stated, ignored, left_out = 0, Counter(), Counter()
    for row in rows:
        stated += row.stated
        if row.ignored:
            ignored.update(row.ignored)
        if row.left_out:
            left_out.update(row.left_out)
    return Row(ALL, key, stated, ignored, left_out)


def _line(row: Row, more: Iterable[str] = ()) -> str:
    reasons = [_reasons(one) for one in (row.ignored, row.left_out) if one]
    numbers = (row.stated, row.used, sum(row.ignored.values()), sum(row.left_out.values()))
    label = " ".join(names.shown(row.annotation).split())
    why = " ".join(names.shown(", ".join([*reasons, *more])).split())
    return "\t".join([label, row.format, *map(str, numbers), why])


def _reasons(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in sorted(counts.items()))
