"""Disjoint sets: which members are connected, directly or through others."""

from collections.abc import Hashable
from typing import Generic, TypeVar

Member = TypeVar("Member", bound=Hashable)


class Sets(Generic[Member]):
    """Sets that start with one member each and are united step by step (union and find)."""

    def __init__(self) -> None:
        self._above: dict[Member, Member] = {}

    def of(self, member: Member) -> Member:
        """The member that stands for the set of `member`; the least one of the set."""
        path = []
        while (higher := self._above.get(member, member)) != member:
            path.append(member)
            member = higher
        for one in path:
            self._above[one] = member
        return member

    def unite(self, one: Member, other: Member) -> None:
        """Make one set of the sets of two members."""
        one, other = self.of(one), self.of(other)
        if one != other:
            self._above[max(one, other)] = min(one, other)
