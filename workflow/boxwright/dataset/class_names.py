"""Reports on the names of a data set's classes: brought into one form, alike, or probably misspelt.

A class is its clean name (`core.names.clean`), so two Unicode forms of a name are one class. Names that differ in case
stay different classes, because nobody but the user knows whether they are.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from boxwright.core import names
from boxwright.core.wording import plural
from boxwright.dataset.checks import Checker
from boxwright.dataset.samples import PlannedSample

# A name is probably misspelt if a similar one has this many times its boxes.
_TIMES = 10
# From this many letters on two neighbours may be swapped, names may differ by one letter, and by two: of three letters
# many names are a letter apart (car and cat, RBC and WBC). Longer names than the last are not compared.
_SWAP, _ONE, _TWO, _LONGEST = 3, 4, 6, 32
# With more classes than this none is compared: it would take too long, and large sets have names from a list.
_MOST_CLASSES = 2000


def report(used: Sequence[PlannedSample], checker: Checker) -> None:
    """Report the names of all classes of the samples; those that a given label map has are right as they are."""
    for stated, (count, where) in sorted(checker.respelt.items()):
        detail = f"'{_visible(stated)}' is read as '{names.clean(stated)}' ({plural(count, 'box', 'boxes')})"
        checker.report(where, "class_spelling", detail)
    if checker.known is not None:
        return
    boxes: Counter[str] = Counter()
    for classes, times in Counter([sample.classes for sample in used]).items():
        for name in classes:
            boxes[name] += times
    found = [("class_similar", *pair) for pair in _alike(boxes)] + [
        ("class_misspelt", *pair) for pair in misspelt(boxes)
    ]
    first = _first_images(used, {rare for _, rare, _ in found}) if found else {}
    for defect, *pair in found:
        said = [f"'{name}' ({plural(boxes[name], 'box', 'boxes')})" for name in pair]
        checker.report(first[pair[0]], defect, " and ".join(said))


def misspelt(boxes: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Each rare name, with the commonest name that differs from it by a letter or two; `boxes`: their number by name.

    Letters may be added, missing, exchanged or swapped. Names that differ in their digits are not misspelt.
    """
    if len(boxes) > _MOST_CLASSES:
        return
    # Two names within a distance of two are equal after up to two letters of each are removed (the idea of Wolf
    # Garbe's SymSpell), so only few pairs are compared.
    near: dict[str, list[str]] = defaultdict(list)
    for name in boxes:
        for shorter in _shortened(names.fold(name)):
            near[shorter].append(name)
    for rare in sorted(boxes):
        folded = names.fold(rare)
        common = {name for shorter in _shortened(folded) for name in near[shorter]}
        common = {name for name in common if boxes[name] >= _TIMES * boxes[rare] and _letters(name) != _letters(rare)}
        if close := [name for name in common if _is_close(folded, names.fold(name))]:
            yield rare, min(close, key=lambda name: (-boxes[name], name))


def _alike(boxes: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Names that differ only in case, spaces or punctuation: each rarer one with the commonest of its group."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in sorted(boxes):
        groups[_letters(name)].append(name)
    for group in groups.values():
        common, *others = sorted(group, key=lambda name: (-boxes[name], name))
        yield from ((name, common) for name in others)


def _letters(name: str) -> str:
    """A name without regard to case, spaces and punctuation."""
    return re.sub(r"[\W_]+", "", names.fold(name)) or name


def _shortened(word: str) -> set[str]:
    """A word, and all that is left when one or two of its letters are removed."""
    if len(word) > _LONGEST:
        return set()
    result = {word}
    for _ in range(2):
        result |= {one[:place] + one[place + 1 :] for one in result for place in range(len(one))}
    return result


def _is_close(first: str, second: str) -> bool:
    """Whether two words differ by so few letters, for their length, that one may be the other misspelt."""
    if re.sub(r"\D", "", first) != re.sub(r"\D", "", second):
        return False
    longest = max(len(first), len(second))
    if longest < _ONE:
        return longest >= _SWAP and sorted(first) == sorted(second) and _distance(first, second) == 1
    return _distance(first, second) <= (longest >= _ONE) + (longest >= _TWO)


def _distance(first: str, second: str) -> int:
    """Letters added, missing, exchanged, or swapped with a neighbour (the optimal string alignment distance)."""
    before: list[int] = []
    last = list(range(len(second) + 1))
    for row, letter in enumerate(first, start=1):
        now = [row]
        for column, other in enumerate(second, start=1):
            best = min(last[column] + 1, now[-1] + 1, last[column - 1] + (letter != other))
            if row > 1 and column > 1 and letter == second[column - 2] and first[row - 2] == other:
                best = min(best, before[column - 2] + 1)
            now.append(best)
        before, last = last, now
    return last[-1]


def _first_images(used: Sequence[PlannedSample], wanted: set[str]) -> dict[str, str]:
    """For each class the image, first by name, that has it."""
    first: dict[str, str] = {}
    for sample in used:
        for name in wanted.intersection(sample.classes):
            first[name] = min(first.get(name, sample.name), sample.name)
    return first


def _visible(name: str) -> str:
    """A name in which accents of their own, odd spaces and what cannot be seen are escaped."""
    spaced = re.sub("  +", lambda found: "\\x20" * len(found[0]), name)
    odd = (not one.isprintable() or unicodedata.combining(one) for one in spaced)
    return "".join(ascii(one)[1:-1] if is_odd else one for one, is_odd in zip(spaced, odd, strict=True))
