"""Numbers of things and lists of them as text.

Figures, tables and pages of a run show them, so unlike `wording`, which is for messages alone, this counts in the code
identity.
"""

from collections.abc import Sequence


def plural(count: int, noun: str, nouns: str = "") -> str:
    """A number with its noun: "1 class", "2 classes"; `nouns` is the plural if it is not `noun` plus "s"."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def few(texts: Sequence[str], limit: int = 3) -> str:
    """The first `limit` texts and the number of the others: "a, b, c and 4 more"."""
    shown = ", ".join(texts[:limit])
    return f"{shown} and {len(texts) - limit} more" if len(texts) > limit else shown
