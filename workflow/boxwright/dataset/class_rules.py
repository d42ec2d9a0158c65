"""The setting `dataset.classes`: which classes are renamed, and which are ignored."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from boxwright.core.errors import UserError
from boxwright.core.names import clean
from boxwright.core.wording import did_you_mean, nearest

# Names of classes are short, so they are alike where less of them is.
_ALIKE = 0.4


@dataclass(frozen=True)
class ClassRules:
    """rename: new names by those in the annotations; each name is looked up once, so two classes can swap names. The
    name "" stands for objects without a class.

    ignore: classes, by their names after renaming, whose boxes become ignore regions.
    """

    rename: Mapping[str, str] = field(default_factory=dict)
    ignore: frozenset[str] = frozenset()

    @classmethod
    def of(cls, given: Mapping[str, Any] | None) -> "ClassRules":
        """The rules of the configuration's `dataset.classes`, with clean names (`core.names`)."""
        given = given or {}
        rename = {clean(old): clean(new) for old, new in (given.get("rename") or {}).items()}
        return cls(rename, frozenset(map(clean, given.get("ignore") or ())))

    @cached_property
    def concerned(self) -> frozenset[str]:
        """The names in annotations that are renamed or ignored as they are."""
        return self.ignore.union(self.rename)

    def check(self, stated: Iterable[str]) -> None:
        """Raise UserError with every name that no annotation states, because such a rule is without effect."""
        stated = set(map(clean, stated))
        left = {self.rename.get(name, name) for name in stated}
        mistakes = [
            f"`dataset.classes.rename` renames '{name}', which no annotation has as a class; "
            f"{self._instead(name, stated)}"
            for name in sorted(filter(None, self.rename.keys() - stated))
        ]
        if "" in self.rename.keys() - stated:
            mistakes.append('`dataset.classes.rename` names objects without a class (`""`), but all have one')
        mistakes += [
            f"`dataset.classes.rename` gives '{old}' an invisible name; write another one"
            for old, new in sorted(self.rename.items())
            if not new
        ]
        for name in sorted(self.ignore - left):
            if name in self.rename:
                mistakes.append(
                    f"`dataset.classes.ignore` names '{name}', which is renamed to '{self.rename[name]}'; write "
                    f"'{self.rename[name]}' there, or do not rename it."
                )
            else:
                text = f"`dataset.classes.ignore` names '{name}', which no annotation has as a class"
                mistakes.append(f"{text}; {_hint(name, left)}")
        if mistakes:
            raise UserError("`dataset.classes` has mistakes:\n" + "\n".join(f"  - {text}" for text in mistakes))

    def _instead(self, name: str, stated: Collection[str]) -> str:
        """What may be meant by a rule for a name that no annotation has, a clause."""
        new, near = self.rename[name], nearest(name, stated, cutoff=_ALIKE)
        if new in stated and near == new:
            return f"there is only '{new}', so leave this out"
        if new in stated and not near:
            return f"old names come before new ones: to make '{name}' of '{new}', write `{{{new}: {name}}}`"
        return _hint(name, stated)


def _hint(name: str, among: Iterable[str]) -> str:
    return did_you_mean(name, sorted(filter(None, among)), cutoff=_ALIKE)
