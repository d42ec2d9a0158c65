"""The ids of classes that the label maps of a source's records state.

Scripts that use a detector have the label map of the records that it was made of. With other ids they would call every
object by the name of another class, so a new class takes the id that its source gives it, if that is free. Everything
that stands against it is told.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from boxwright.core import names
from boxwright.core.wording import few
from boxwright.dataset import formats, label_map, sources
from boxwright.dataset.class_rules import ClassRules
from boxwright.dataset.sources import Annotated

# A last id up to this one is taken in any case, a larger one if it is at most so many times the number of classes.
_ANY, _SPARSE = 100, 2


class StatedIds(NamedTuple):
    """Ids by class, and clauses about those that cannot be taken. file: the first file whose label map states them."""

    ids: dict[str, int]
    odd: list[str]
    file: str = ""

    def of_use(self, classes: Collection[str]) -> Mapping[str, int]:
        """The ids, unless most columns of a detector of these classes would be without a class."""
        last = max([number for name, number in self.ids.items() if name in classes], default=0)
        return self.ids if last <= max(_ANY, _SPARSE * len(classes)) else {}

    def differences(self, classes: Mapping[str, int]) -> list[str]:
        """Clauses about all ids that are not those of the source; `classes`: the ids that were settled."""
        other = [
            f"{name} has the id {classes[name]} here and {number} there"
            for name, number in self.ids.items()
            if classes.get(name, number) != number
        ]
        if not other:
            return self.odd
        why = ""
        if not self.of_use(classes):
            why = "; a detector has a column for each id up to the last, so `dataset.label_map` has to ask for them"
        return [*self.odd, f"{few(other)}{why}"]


def of(annotations: Sequence[Annotated], rules: ClassRules) -> StatedIds:
    """The ids that the files explaining some annotations state, without those that contradict each other."""
    ids: dict[str, set[int]] = defaultdict(set)
    classes: dict[int, set[str]] = defaultdict(set)
    first = ""
    for file, stated in _maps(annotations):
        first = first or file
        clean = {names.clean(name): number for name, number in stated.items()}
        for given, number in clean.items():
            name = rules.rename.get(given, given)
            if name == given or (name not in clean and name not in ids):  # of classes that become one, one id counts
                ids[name].add(number)
                classes[number].add(name)
    odd = []
    impossible = sorted(name for name, of in ids.items() if not all(1 <= one <= label_map.LARGEST_ID for one in of))
    if any(0 in ids[name] for name in impossible):
        odd.append(f"ids count from 1, since 0 is the background, but {few(impossible)} has 0 there")
    elif impossible:
        odd.append(f"ids end at {label_map.LARGEST_ID}, but that of {few(impossible)} is beyond")
    several = sorted(name for name, of in ids.items() if len(of) > 1)
    several += sorted(name for of in classes.values() if len(of) > 1 for name in of)
    if several:
        odd.append(f"label maps, or classes in them, contradict each other about {few(list(dict.fromkeys(several)))}")
    taken = {name: min(of) for name, of in ids.items() if name not in impossible and name not in several}
    return StatedIds(taken, odd, first)


def _maps(annotations: Sequence[Annotated]) -> Iterator[tuple[str, Mapping[str, int]]]:
    """The first file that each set of explaining files is about, and the ids that they state."""
    for one, stated in sources.explained(annotations, formats.ids):
        if stated:
            yield one.file.relative, stated
