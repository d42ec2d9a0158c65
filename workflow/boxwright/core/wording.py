"""How messages say what they say: a few of many names, the nearest known word, numbers with their nouns."""

import difflib
from collections.abc import Iterable, Sequence


def few(texts: Sequence[str], limit: int = 3) -> str:
    """The first `limit` of some texts and how many more there are: "a, b, c and 4 more"."""
    shown = ", ".join(texts[:limit])
    return f"{shown} and {len(texts) - limit} more" if len(texts) > limit else shown


def plural(count: int, noun: str, nouns: str = "") -> str:
    """A number with its noun: "1 class", "2 classes"; `nouns` is the plural where it is not `noun` with an s."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def nearest(word: object, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known word that `word` is probably a misspelling of; None where none is near enough."""
    found = difflib.get_close_matches(str(word), list(known), n=1, cutoff=cutoff)
    return found[0] if found else None


def did_you_mean(word: object, known: Iterable[str], cutoff: float = 0.6) -> str:
    """A clause about a word that is not known: "did you mean `x`?", or the list of all that are."""
    known = list(known)
    near = nearest(word, known, cutoff)
    return f"did you mean `{near}`?" if near else f"known are {', '.join(known)}"
