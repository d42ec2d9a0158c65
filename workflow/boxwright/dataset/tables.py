"""Tables of annotations: rows of cells, nearly always each of them in a line of its own.

A stray quotation mark would take the rows behind it into one cell. So a cell in quotation marks may go on in the next
line only in a row of the right length, and only if it holds nothing that separates cells, as a remark may.
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
    before = columns = 0
    try:
        for row in reader:
            columns = columns or len(row)
            if reader.line_num > before + 1 and (
                len(row) != columns or any("\n" in cell and delimiter in cell for cell in row)
            ):
                raise UserError(_unended(before + 1))
            if any(cell.strip() for cell in row):
                yield before + 1, row
            before = reader.line_num
    except csv.Error as error:
        ended = reader.line_num == before + 1 and "end of data" not in str(error)
        raise UserError(
            f"line {before + 1} is no row of a table: {error}" if ended else _unended(before + 1)
        ) from error


def _unended(line: int) -> str:
    return (
        f"line {line} has a quotation mark that does not end in that line; remove it, or put the whole cell in one line"
    )
