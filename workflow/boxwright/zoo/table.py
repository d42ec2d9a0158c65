"""The zoo as a table for the terminal."""

from collections.abc import Collection, Iterator

from boxwright.catalog import check
from boxwright.catalog.extractors import EXTRACTORS
from boxwright.catalog.families import FAMILIES
from boxwright.core.errors import UserError
from boxwright.core.wording import command
from boxwright.pipeline import text
from boxwright.zoo import catalogue
from boxwright.zoo.catalogue import Entry, Table

HEADER = ("name", "family", "input", "mAP", "ms", "size", "trains here")
LEFT = (True, True, False, False, False, False, True)


def render(words: Collection[str] = ()) -> str:
    """The detectors of the zoo with all these words in their names, of any case.

    They come table by table, each under a title that says what its figures were measured on. Raises UserError if there
    are none.
    """
    found = [(table, [entry for entry in table.entries if _has(entry, words)]) for table in catalogue.tables()]
    sections = [(table, [_row(entry) for entry in entries]) for table, entries in found if entries]
    if not sections:
        have = f"{' and '.join(words)} in its name"
        raise UserError(f"No detector of the model zoo has {have}; `{command('models')}` lists all.")
    every = [HEADER, *(row for _, rows in sections for row in rows)]
    widths = [max(len(row[column]) for row in every) for column in range(len(HEADER))]
    lines = [_line(HEADER, widths)]
    for table, rows in sections:
        lines += ["", *_title(table), *(_line(row, widths) for row in rows)]
    return "\n".join([*lines, "", *_closing()])


def _has(entry: Entry, words: Collection[str]) -> bool:
    return all(word.lower() in entry.name for word in words)


def trainable(entry: Entry) -> str:
    """ "yes", or "no" with the first feature that the engine lacks.

    A "yes" says if the network was built from its definition alone, so that no numbers of the OD API confirm it.
    """
    if lacking := lacks(entry):
        return f"no ({lacking})"
    row = EXTRACTORS.get(entry.extractor)
    return "yes" if row is None or row.compared else "yes (not compared)"


def lacks(entry: Entry) -> str:
    """The first feature of a detector that the engine lacks, by its pipeline.config if that is here; "" if none."""
    if entry.pipeline.is_file():
        try:
            found = [each for each in check.findings(text.read(entry.pipeline)) if each.rule == check.UNSUPPORTED]
            return f"{found[0].field} {found[0].value}" if found else ""
        except UserError:
            return "its pipeline.config cannot be read"
    if not any(entry.family in family.titles for family in FAMILIES.values()):
        return entry.family
    return "" if entry.extractor in EXTRACTORS else entry.extractor


def _row(entry: Entry) -> tuple[str, ...]:
    size = None if entry.size is None else f"{entry.size / 1e6:.0f} MB"
    figures = (entry.input, entry.map, entry.ms, size)
    return (entry.name, entry.family, *("?" if value is None else str(value) for value in figures), trainable(entry))


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    cells = zip(row, widths, LEFT, strict=True)
    return "  ".join(cell.ljust(width) if left else cell.rjust(width) for cell, width, left in cells).rstrip()


def _title(table: Table) -> Iterator[str]:
    yield table.title
    yield f"mAP: {table.map}; ms: {table.ms}"


def _closing() -> Iterator[str]:
    yield "The figures are the publisher's; compare them only within a table. ? means not published or not known; no is"
    yield "followed by the first feature that the engine lacks. If a size is given, the archive's checksum is checked."
    yield "Not compared: no numbers of the OD API were at hand for this network, which was built from its definition."
    yield "Of a Mask R-CNN the boxes are trained, not the masks."
    yield "`checkpoint: zoo:<name>` starts from one of them, with its pipeline.config if `pipeline` is not given."
