"""Divides samples into training and evaluation, and holds a part of them back for the test.

The drawn split is stratified by class after the idea of iterative stratification (Sechidis, Tsoumakas, Vlahavas, "On
the stratification of multi-label data", ECML 2011): the rarest class comes first. It is stable: a sample keeps its
side, and only new samples are drawn. The test side is drawn from the evaluation side, so it takes nothing away from a
training that there already is.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from boxwright.catalog import formats
from boxwright.core.errors import UserError
from boxwright.core.names import fold
from boxwright.core.names import shown as printable
from boxwright.core.wording import few
from boxwright.dataset import formats as readers
from boxwright.dataset.pairing import stem
from boxwright.dataset.samples import PlannedSample, Sample
from boxwright.dataset.sets import Sets

TRAIN, EVAL, TEST = "train", "eval", "test"
# In the order of what they know of the training: images that are on several sides belong to the first of them.
SIDES = (TRAIN, EVAL, TEST)
# The sides in texts, before "image".
WORDS = {TRAIN: "training", EVAL: "evaluation", TEST: "test"}
Drawn = PlannedSample | Sample
# So many lines of a list that name no image are told one by one.
_SHOWN_UNKNOWN = 3
_NEGATIVE = ""  # an image without objects counts as one more class


def draw(
    samples: Sequence[Drawn],
    held_out: float,
    seed: int,
    known: Mapping[str, str],
    known_bytes: Mapping[str, str],
    group_of: Mapping[str, str] | None = None,
    links: Iterable[tuple[str, str]] = (),
    *,
    listed: Set[str] = frozenset(),
    parts: int = 1,
) -> dict[str, str]:
    """The side of every sample by its name: training or, for a share of `held_out`, evaluation.

    Samples with the same bytes get the same side, and so do samples of one group; `group_of` has groups by name.
    `links` are pairs of near-duplicates, by sha256: what is new comes to the side of its near-duplicates, to training
    if they are on several sides. `known` has sides by name, `known_bytes` by sha256: a sample in the first keeps its
    side; one in the second (it was renamed, or is a copy) takes the side of its bytes. Of the others,
    each class sends as many to evaluation as it lacks to have the share `held_out` of its images there, and at least
    one if it has two images or more. What belongs together is drawn together: if none of it fits, the smallest part
    goes to evaluation, as long as another is left for training. The result does not depend on the order of `samples`.

    `listed` are the names of a list of test images. They are on the test side whatever side they had, with their
    copies, their groups and their near-duplicates, unless those are remembered as training images. A sample that is
    remembered as a test image and not listed any more measures again. Without a list a remembered test image stays one.
    `parts` is the number of sides that will share what is held out; a class keeps at least one image for each.
    """
    groups = _together(samples, group_of or {})
    classes = {sha: _classes(group) for sha, group in groups.items()}
    clusters = _clusters(groups, links)
    sides = _remembered(groups, known, known_bytes)
    if listed:
        tested = {sha for sha, group in groups.items() if not listed.isdisjoint(_names(group))}
        sides = {sha: EVAL if side == TEST else side for sha, side in sides.items()} | dict.fromkeys(tested, TEST)
        for cluster in clusters:
            if not tested.isdisjoint(cluster):
                sides |= {sha: TEST for sha in cluster if sides.get(sha) == EVAL}
    _follow(clusters, sides)
    totals = _count(classes.values())
    held = _count([classes[sha] for sha, side in sides.items() if side == EVAL or (side == TEST and not listed)])

    def wanted(name: str) -> int:
        count = round(held_out * totals[name])
        if totals[name] > 1 and name != _NEGATIVE:
            count = min(max(count, parts), totals[name] - 1)
        return count

    undrawn = _ranked([cluster for cluster in clusters if cluster[0] not in sides], groups, seed)
    sides |= _drawn(undrawn, classes, totals, wanted, held, (TRAIN, EVAL))
    return {sample.name: sides[sha] for sha, group in groups.items() for sample in group}


def draw_test(
    samples: Sequence[Drawn],
    side_of: Mapping[str, str],
    eval_fraction: float,
    test_fraction: float,
    seed: int,
    settled: Set[str],
    group_of: Mapping[str, str] | None = None,
    links: Iterable[tuple[str, str]] = (),
) -> dict[str, str]:
    """The sides of all samples, with some of the evaluation images on the test side.

    `side_of` has the side of each sample by its name. Each class sends as many of its evaluation images to the test as
    it lacks to have the share `test_fraction` of all its images there, and at least one if two are held out. As many
    stay as `eval_fraction` asks for, or half of what is held out if that is less. An evaluation image that is `settled`
    (by its name) stays, and so do images that belong to one (see `draw`) or to a training image.
    """
    groups = _together(samples, group_of or {})
    classes = {sha: _classes(group) for sha, group in groups.items()}
    clusters = _clusters(groups, links)
    given = {sha: _first({side_of[sample.name] for sample in group}) for sha, group in groups.items()}
    totals = _count(classes.values())
    held_out = _count([classes[sha] for sha, side in given.items() if side != TRAIN])
    free = {sha for sha, side in given.items() if side == EVAL and settled.isdisjoint(_names(groups[sha]))}
    sides = {sha: side for sha, side in given.items() if sha not in free}
    _follow(clusters, sides)
    tested = _count([classes[sha] for sha, side in sides.items() if side == TEST])

    def wanted(name: str) -> int:
        out = held_out[name]
        kept = min(round(eval_fraction * totals[name]), (out + 1) // 2)
        count = min(round(test_fraction * totals[name]), out - kept)
        if out > 1 and name != _NEGATIVE:
            count = min(max(count, 1), out - 1)
        return count

    undrawn = _ranked([cluster for cluster in clusters if cluster[0] not in sides], groups, seed)
    drawn = _drawn(undrawn, classes, held_out, wanted, tested, (EVAL, TEST))
    moved = {name for sha, side in (sides | drawn).items() if side == TEST for name in _names(groups[sha])}
    return {name: TEST if side == EVAL and name in moved else side for name, side in side_of.items()}


def _remembered(
    groups: Mapping[str, Sequence[Drawn]], known: Mapping[str, str], known_bytes: Mapping[str, str]
) -> dict[str, str]:
    """The side of each group (by sha256) that has one: by its names, else by its bytes.

    Copies with different sides all go to the first of them: the training has already seen one of them.
    """
    sides: dict[str, str] = {}
    for sha, group in groups.items():
        found = {known[sample.name] for sample in group if sample.name in known}
        if not found:
            found = {known_bytes[sample.sha256] for sample in group if sample.sha256 in known_bytes}
        if found:
            sides[sha] = _first(found)
    return sides


def _names(group: Iterable[Drawn]) -> list[str]:
    return [sample.name for sample in group]


def _first(sides: Set[str]) -> str:
    return min(sides, key=SIDES.index)


def _follow(clusters: Iterable[Sequence[str]], sides: dict[str, str]) -> None:
    """Give what has no side the side of its near-duplicates, the first if they are on several."""
    for cluster in clusters:
        beside = {sides[sha] for sha in cluster if sha in sides}
        if beside and len(cluster) > 1:
            sides |= {sha: _first(beside) for sha in cluster if sha not in sides}


def _drawn(
    clusters: Sequence["_Cluster"],
    classes: Mapping[str, frozenset[str]],
    totals: Mapping[str, int],
    wanted: Callable[[str], int],
    held: Counter[str],
    sides: tuple[str, str],
) -> dict[str, str]:
    """The side of all members of clusters (in the order of the draw): the second side until a class has enough there.

    totals: the number of groups that have each class, of those that the sides share. wanted: how many of a class the
    second side should have; held: how many it has already.
    """
    stays, goes = sides
    found: dict[str, str] = {}
    held = held.copy()
    waiting: dict[str, list[_Cluster]] = defaultdict(list)
    for cluster in clusters:
        for name in _distinct(tuple(chain(*[classes[sha] for sha in cluster.members]))):
            waiting[name].append(cluster)
    for name in sorted(waiting, key=lambda name: (totals[name], name)):
        undecided = [cluster for cluster in waiting[name] if cluster.members[0] not in found]
        sizes = [sum(name in classes[sha] for sha in cluster.members) for cluster in undecided]
        enough = wanted(name)
        left = max(enough - held[name], 0)
        chosen = set()
        for index, size in enumerate(sizes):
            if size <= left:
                left -= size
                chosen.add(index)
        if enough and not held[name] and not chosen and sizes and min(sizes) < totals[name]:
            chosen = {sizes.index(min(sizes))}
        for index, cluster in enumerate(undecided):
            found |= dict.fromkeys(cluster.members, goes if index in chosen else stays)
            if index in chosen:
                for sha in cluster.members:
                    held.update(classes[sha])
    return found


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


class ListsError(UserError):
    """Lists of images that have `mistakes`, a clause each."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        shown = [*mistakes[:20], *([f"and {len(mistakes) - 20} more"] if len(mistakes) > 20 else [])]
        text = "\n".join(f"  - {one}" for one in shown)
        super().__init__(f"The lists of `dataset.split` have mistakes:\n{text}")
        self.mistakes = mistakes


def from_lists(paths: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """The side of every image that a list names; `paths` has the list of each side, `names` all images.

    A list has one image per line: its file name or its path below the images folder, with or without extension, case
    ignored; `#` starts a comment. Raises ListsError with every list that cannot be read or holds annotations, every
    line that names no image or several, and every image on both lists.
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
    unknown: dict[str, list[tuple[str, str]]] = defaultdict(list)
    annotations: dict[str, list[str]] = defaultdict(list)
    for side, path in paths.items():
        try:
            text = Path(path).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            mistakes.append(f"{path} cannot be read ({error})")
            continue
        if kind := _format(text, path):
            annotations[kind].append(str(path))
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
                unknown[str(path)].append((where, entry))
            elif len(found) > 1:
                mistakes.append(f"{where} names {len(found)} images ({', '.join(sorted(found)[:3])}); give the path")
            elif sides.setdefault(one := next(iter(found)), side) != side:
                both = "both lists" if set(paths) == {TRAIN, EVAL} else f"two lists, {sides[one]} and {side}"
                mistakes.append(f"{where} is on {both}")
    named = (line for lines in unknown.values() for line in _unknown(lines, places))
    mistakes = [*(_of_annotations(kind, of) for kind, of in annotations.items()), *named, *mistakes]
    if mistakes:
        raise ListsError([printable(text) for text in mistakes])
    return sides


def _unknown(lines: Sequence[tuple[str, str]], places: Mapping[str, set[str]]) -> Iterator[str]:
    """What lines of a list that name no image have instead: lines with their places, and what is in them."""
    parts = lines[0][1].split("/")
    tails = ("/".join(parts[start:]) for start in range(1, len(parts)))
    tail = next((tail for tail in tails if _find(tail, places)), "")
    above = lines[0][1].removesuffix(tail) if tail else ""
    all_have = above and all(entry.startswith(above) for _, entry in lines)
    hint = f"; leave out {above}, since paths begin in the images folder" if all_have else ""
    if len(lines) <= _SHOWN_UNKNOWN:
        yield from (f"{where} names no image of the data set{hint}" for where, _ in lines)
    else:
        yield f"{few([where for where, _ in lines])} lines name no image of the data set{hint}"


def _format(text: str, path: str) -> str:
    """The name of the format that a list seems to be in, if it holds annotations; "" if it does not."""
    name = Path(path).name
    keys = [about.key for about in formats.by_ending().get(formats.ending(name), ())]
    head = text[: readers.HEAD].encode()[: readers.HEAD]
    key = readers.recognised(head, name, readers.OR.join(keys)) if keys and head.strip() else ""
    return formats.by_key()[key].name if key else ""


def _of_annotations(kind: str, paths: Sequence[str]) -> str:
    are = "are annotations and no lists" if paths[1:] else "holds annotations and is no list"
    its = "the names of such files state" if paths[1:] else "the name of such a file states"
    return (
        f"{' and '.join(paths)} {are} of the names of images ({kind}); where `dataset.annotations` has such files, "
        f"`split: {{source: true}}` in place of the lists takes the sides that {its}"
    )


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


def _ranked(clusters: Iterable[Sequence[str]], groups: Mapping[str, Sequence[Drawn]], seed: int) -> list[_Cluster]:
    """Clusters in the order of the draw."""
    ranked = [_Cluster(tuple(cluster), _rank(seed, groups, cluster)) for cluster in clusters]
    return sorted(ranked, key=lambda cluster: cluster.rank)


def _rank(seed: int, groups: Mapping[str, Sequence[Drawn]], cluster: Sequence[str]) -> bytes:
    """The place of a cluster in the draw; it depends only on the seed and its first name."""
    name = min([sample.name for sha in cluster for sample in groups[sha]])
    return hashlib.blake2b(f"{seed}:{name}".encode("utf-8", "surrogateescape")).digest()
