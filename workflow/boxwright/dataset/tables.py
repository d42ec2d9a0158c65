"""Tables of annotations: rows of cells, each of them in a line of its own.

A stray quotation mark would take the rows behind it into one cell, so cells in quotation marks end in their own line.
"""

import csv
import io
from collections.abc import Iterator

from boxwright.core.errors import UserError


def rows(content: str, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, each with the number of its line.

    Raises UserError with a line that is no row, or whose quotation marks do not end in it.
    """
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    before = 0
    try:
        for row in reader:
            if reader.line_num > before + 1:
                raise UserError(_unended(before + 1))
            before = reader.line_num
            if any(cell.strip() for cell in row):
                yield before, row
    except csv.Error as error:
        ended = reader.line_num == before + 1 and "end of data" not in str(error)
        raise UserError(
            f"line {before + 1} is no row of a table: {error}" if ended else _unended(before + 1)
        ) from error


def _unended(line: int) -> str:
    return (
        f"line {line} has a quotation mark that does not end in that line; remove it, or put the whole cell in one line"
    )
