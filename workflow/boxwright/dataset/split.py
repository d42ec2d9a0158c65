"""Divides samples into training and evaluation.

The drawn split is stratified by class after the idea of iterative stratification (Sechidis, Tsoumakas, Vlahavas, "On
the stratification of multi-label data", ECML 2011): the rarest class comes first. It is stable: a sample keeps its
side, and only new samples are drawn.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from boxwright.catalog import formats
from boxwright.core.errors import UserError
from boxwright.core.names import fold
from boxwright.core.names import shown as printable
from boxwright.dataset.pairing import stem
from boxwright.dataset.samples import PlannedSample, Sample
from boxwright.dataset.sets import Sets

TRAIN, EVAL = "train", "eval"
Drawn = PlannedSample | Sample
_NEGATIVE = ""  # an image without objects counts as one more class


def draw(
    samples: Sequence[Drawn],
    eval_fraction: float,
    seed: int,
    known: Mapping[str, str],
    known_bytes: Mapping[str, str],
    group_of: Mapping[str, str] | None = None,
    links: Iterable[tuple[str, str]] = (),
) -> dict[str, str]:
    """The side of every sample by its name.

    Samples with the same bytes get the same side, and so do samples of one group; `group_of` has groups by name.
    `links` are pairs of near-duplicates, by sha256: what is new comes to the side of its near-duplicates, to training
    if they are on both sides. `known` has sides by name, `known_bytes` by sha256: a sample in the first keeps its side;
    one in the second (it was renamed, or is a copy) takes the side of its bytes. Of the others,
    each class sends as many to evaluation as it lacks to have `eval_fraction` of its images there, and at least one if
    it has two images or more. What belongs together is drawn together: if none of it fits, the smallest part goes to
    evaluation, as long as another is left for training. The result does not depend on the order of `samples`.
    """
    groups = _together(samples, group_of or {})
    classes = {sha: _classes(group) for sha, group in groups.items()}
    sides: dict[str, str] = {}
    for sha, group in groups.items():
        remembered = {known[sample.name] for sample in group if sample.name in known}
        if not remembered:
            remembered = {known_bytes[sample.sha256] for sample in group if sample.sha256 in known_bytes}
        if remembered:
            # Copies with different sides all go to training, which has already seen one of them.
            sides[sha] = TRAIN if TRAIN in remembered else EVAL
    clusters = _clusters(groups, links)
    for cluster in clusters:
        beside = {sides[sha] for sha in cluster if sha in sides}
        if beside and len(cluster) > 1:
            sides |= {sha: TRAIN if TRAIN in beside else EVAL for sha in cluster if sha not in sides}
    totals = _count(classes.values())
    held = _count([classes[sha] for sha, side in sides.items() if side == EVAL])
    undrawn = [
        _Cluster(tuple(cluster), _rank(seed, groups, cluster)) for cluster in clusters if cluster[0] not in sides
    ]
    waiting: dict[str, list[_Cluster]] = defaultdict(list)
    for cluster in sorted(undrawn, key=lambda cluster: cluster.rank):
        for name in _distinct(tuple(chain(*[classes[sha] for sha in cluster.members]))):
            waiting[name].append(cluster)
    for name in sorted(waiting, key=lambda name: (totals[name], name)):
        undecided = [cluster for cluster in waiting[name] if cluster.members[0] not in sides]
        wanted = round(eval_fraction * totals[name])
        if totals[name] > 1 and name != _NEGATIVE:
            wanted = min(max(wanted, 1), totals[name] - 1)
        sizes = [sum(name in classes[sha] for sha in cluster.members) for cluster in undecided]
        left = max(wanted - held[name], 0)
        chosen = set()
        for index, size in enumerate(sizes):
            if size <= left:
                left -= size
                chosen.add(index)
        if wanted and not held[name] and not chosen and sizes and min(sizes) < totals[name]:
            chosen = {sizes.index(min(sizes))}
        for index, cluster in enumerate(undecided):
            sides |= dict.fromkeys(cluster.members, EVAL if index in chosen else TRAIN)
            if index in chosen:
                for sha in cluster.members:
                    held.update(classes[sha])
    return {sample.name: sides[sha] for sha, group in groups.items() for sample in group}


class _Cluster(NamedTuple):
    """What is drawn as one: the sha256 of its groups' first samples, and its place in the draw."""

    members: tuple[str, ...]
    rank: bytes


def _together(samples: Sequence[Drawn], group_of: Mapping[str, str]) -> dict[str, list[Drawn]]:
    """The samples that have the same bytes or group, by the least sha256 of them."""
    groups: dict[str, list[Drawn]] = defaultdict(list)
    if not group_of:
        for sample in samples:
            groups[sample.sha256].append(sample)
        return groups
    same: Sets[str] = Sets()
    first: dict[str, str] = {}
    for sample in samples:
        if sample.name in group_of:
            same.unite(first.setdefault(group_of[sample.name], sample.sha256), sample.sha256)
    for sample in samples:
        groups[same.of(sample.sha256)].append(sample)
    return groups


def _clusters(groups: Mapping[str, Sequence[Drawn]], links: Iterable[tuple[str, str]]) -> list[list[str]]:
    """The groups (by sha256) that near-duplicates connect, each cluster sorted."""
    connected: Sets[str] = Sets()
    links = list(links)
    if not links:
        return [[sha] for sha in groups]
    of_bytes = {sample.sha256: sha for sha, group in groups.items() for sample in group}
    for one, other in links:
        connected.unite(of_bytes[one], of_bytes[other])
    clusters: dict[str, list[str]] = defaultdict(list)
    for sha in sorted(groups):
        clusters[connected.of(sha)].append(sha)
    return list(clusters.values())


def from_lists(paths: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """The side of every image that a list names; `paths` has the list of each side, `names` all images.

    A list has one image per line: its file name or its path below the images folder, with or without extension, case
    ignored; `#` starts a comment. Raises UserError with every list that cannot be read, every line
    that names no image or several, and every image on both lists.
    """
    places: dict[str, set[str]] = defaultdict(set)
    for name in names:
        parts = fold(name).split("/")
        for start in range(len(parts)):
            tail = "/".join(parts[start:])
            places[tail].add(name)
            places[_without_extension(tail)].add(name)
    sides: dict[str, str] = {}
    mistakes = []
    for side, path in paths.items():
        try:
            text = Path(path).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            mistakes.append(f"{path} cannot be read ({error})")
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            entry = line.strip()
            found = _find(entry, places)
            if not found:  # a name may hold a "#", so it is looked up before comments are removed
                entry = re.sub(r"(^|\s)#.*", "", entry).strip()
                found = _find(entry, places)
            if not entry:
                continue
            where = f"{path}, line {number}: {entry}"
            if not found:
                mistakes.append(f"{where} names no image of the data set")
            elif len(found) > 1:
                mistakes.append(f"{where} names {len(found)} images ({', '.join(sorted(found)[:3])}); give the path")
            elif sides.setdefault(*found, side) != side:
                mistakes.append(f"{where} is on both lists")
    if mistakes:
        shown = mistakes[:20] + ([f"and {len(mistakes) - 20} more"] if len(mistakes) > 20 else [])
        text = "\n".join(f"  - {printable(text)}" for text in shown)
        raise UserError(f"The lists of `dataset.split` have mistakes:\n{text}")
    return sides


def _find(entry: str, places: Mapping[str, set[str]]) -> set[str]:
    key = fold(entry.replace("\\", "/").removeprefix("./"))
    found = places.get(key) or places.get(_without_extension(key), set())
    if not found:  # some lists name the annotation files
        bare, dot, ending = key.rpartition(".")
        found = places.get(bare, set()) if dot + ending in formats.by_ending() else set()
    if len(found) > 1:  # a whole path takes precedence over the end of another one
        found = (
            {name for name in found if name == entry}
            or {name for name in found if fold(name) == key}
            or {name for name in found if _without_extension(fold(name)) == key}
            or found
        )
    return found


def _without_extension(path: str) -> str:
    folder, slash, base = path.rpartition("/")
    return folder + slash + stem(base)


def _classes(group: Sequence[Drawn]) -> frozenset[str]:
    """The classes of a group of images that get one side."""
    return _distinct(group[0].classes if len(group) == 1 else tuple(chain(*[sample.classes for sample in group])))


@lru_cache(maxsize=10_000)
def _distinct(classes: tuple[str, ...]) -> frozenset[str]:
    return frozenset(classes or [_NEGATIVE])


def _count(groups: Iterable[frozenset[str]]) -> Counter[str]:
    """The number of groups that have each class."""
    counted: Counter[str] = Counter()
    for classes, times in Counter(groups).items():
        counted.update(dict.fromkeys(classes, times))
    return counted


def _rank(seed: int, groups: Mapping[str, Sequence[Drawn]], cluster: Sequence[str]) -> bytes:
    """The place of a cluster in the draw; it depends only on the seed and its first name."""
    name = min([sample.name for sha in cluster for sample in groups[sha]])
    return hashlib.blake2b(f"{seed}:{name}".encode("utf-8", "surrogateescape")).digest()
