"""Finds out which statement is about which image.

A file that is about one image is about the image that has its name, as in labelImg. If there is none, a statement is
about the image that it names. Case and extension do not count. If several images have the name, these decide, where
they can: the stated extension; for a file about one image that it lies beside it; the stated path, the arrangement of
the folders, the stated size, the stated folder; that one image is nearer to the file than the others; for a file about
many images that it states all others with their paths; and at last that the images are copies of each other. Wherever
two of these contradict each other, that is remembered. Where images lie in the folder that goes with that of a file, an
image in another place is none of the file's.
"""

import posixpath
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import takewhile
from types import MappingProxyType
from typing import NamedTuple

from boxwright.core.names import fold
from boxwright.dataset import addresses, side_words
from boxwright.dataset.image_facts import ImageFacts
from boxwright.dataset.scan import File
from boxwright.images import exif
from boxwright.images.loader import EXTENSIONS


class Claim(NamedTuple):
    """Which image a statement, or a file that cannot be read, claims to be about.

    file: the annotation file. image: name or path as stated, "" if none. alone: whether the file has no other claim.
    size: width and height of the image as stated, 0 if not stated. folders, other_image: those of `Statement`.
    places: those of the file's `Format`. own: the index of the image that lies in the file itself, if it does.
    key: that of the file's format.
    """

    file: File
    image: str = ""
    alone: bool = True
    size: tuple[int, int] = (0, 0)
    folders: tuple[str, ...] = ()
    other_image: str = ""
    places: tuple[tuple[str, str], ...] = ()
    own: int | None = None
    key: str = ""

    @property
    def image_folder(self) -> str:
        """Where the image should lie by the place of the file; "" if that says nothing."""
        return _image_folder(_folder(self.file), self.places) if self.places else ""

    @property
    def label(self) -> str:
        """The name of the statement in tables and error texts."""
        return f"{self.file.relative} ({self.image})" if self.image and not self.alone else self.file.relative


class Contradiction(NamedTuple):
    """A claim, and images that it is not paired with although one source of evidence speaks for them.

    claim: its index. source: "size", "place" (where the annotation lies), "folders" (where it says that the image lay),
    "path" (a second file name that it states) or "far" (its image lies with other annotations, and other images with
    it; there `images` has its own). images: their indices.
    """

    claim: int
    source: str
    images: list[int]


@dataclass
class Pairing:
    """claim: for each image the index of its claim, None if it has none. The other fields are the cases to report.

    orphans: claims without an image. elsewhere: by orphan, the images of its name in folders that are not its own.
    ambiguous: by claim, the images that it may be about. twice: by rejected claim, the image, which went to another
    claim. unsettled: images with several claims and no reason to prefer one. namesakes: by image, an earlier image with
    the same name. another: by claim whose file has the name of an image, the other images that it states. stale: claims
    that state the name of no image, where another name decided. contradictions: of other sources.
    """

    claim: list[int | None]
    orphans: list[int]
    ambiguous: dict[int, list[int]]
    twice: dict[int, int]
    unsettled: set[int]
    namesakes: dict[int, int]
    another: dict[int, list[int]] = field(default_factory=dict)
    stale: list[int] = field(default_factory=list)
    contradictions: list[Contradiction] = field(default_factory=list)
    elsewhere: dict[int, list[int]] = field(default_factory=dict)
    _without: dict[int, str] | None = None

    def without_image(self, claim: int) -> str:
        """The defect because of which a claim has no image; "" if it has one."""
        if self._without is None:
            lost = [dict.fromkeys(self.orphans, "annotation_without_image")]
            lost += [
                dict.fromkeys(self.ambiguous, "annotation_ambiguous"),
                dict.fromkeys(self.twice, "annotation_twice"),
            ]
            self._without = lost[0] | lost[1] | lost[2]
        return self._without.get(claim, "")

    @property
    def claimed(self) -> set[int]:
        """The images that claims are about which went to none of them."""
        return {image for images in self.ambiguous.values() for image in images}


def names(images: Sequence[File], folders: Sequence[str]) -> list[str]:
    """A name for each image, unique in the data set: its path below its folder.

    If an earlier folder has the same path, enough of the image's own folder is put before it to tell the two apart.
    """
    taken: set[str] = set()
    result = []
    for image in images:
        name = image.relative
        parts = folders[image.folder].split("/") if name in taken else []
        parts = [part for part in parts if part not in ("", ".", "..")]
        while name in taken:
            name = f"{parts.pop() if parts else image.folder}/{name}"
        taken.add(name)
        result.append(name)
    return result


def stem(base: str) -> str:
    """A file name in the form that is compared, without an image's extension."""
    base = fold(base)
    dot = base.rfind(".")
    return base[:dot].rstrip() if dot > 0 and base[dot:] in EXTENSIONS else base


def match(
    images: Sequence[File],
    claims: Sequence[Claim],
    parallel: bool,
    facts: Sequence[ImageFacts] = (),
    images_of: Mapping[int, frozenset[int]] = MappingProxyType({}),
) -> Pairing:
    """Pair images with claims; `parallel` says that the n-th images folder goes with the n-th annotations folder.

    images_of: by the number of a folder of annotations the images that it may be about, if these are not all images.
    facts: of the images; without them neither size nor content can decide between images of one name.
    """
    by_stem: dict[str, list[int]] = {}
    for index, image in enumerate(images):
        by_stem.setdefault(stem(image.base), []).append(index)
    pairing = Pairing([None] * len(images), [], {}, {}, set(), {})
    for namesakes in by_stem.values():
        for index in namesakes[1:]:
            pairing.namesakes[index] = namesakes[0]
    claimed: dict[int, list[int]] = defaultdict(list)
    copies: list[tuple[int, list[int]]] = []
    folders = _Folders(images, claims)
    if owned := {claim.own for claim in claims if claim.own is not None}:
        by_stem = {name: [image for image in same if image not in owned] for name, same in by_stem.items()}
    names = _Names(by_stem)
    for index, claim in enumerate(claims):
        if claim.own is not None:
            claimed[claim.own].append(index)
            continue
        candidates = _candidates(names, index, claim, pairing)
        if images_of:
            own = images_of[claim.file.folder]
            candidates = [image for image in candidates if image in own]
        left = candidates
        if len(candidates) == 1:
            outside, far = folders.against(index, candidates[0])
            if outside:
                pairing.elsewhere[index], left = candidates, []
            elif far:
                pairing.contradictions.append(Contradiction(index, "far", candidates))
        elif candidates:
            left = _narrow(images, facts, candidates, claim, parallel)
            if len(left) == 1:
                pairing.contradictions += _against(images, facts, candidates, left[0], index, claim)
        if len(left) == 1:
            claimed[left[0]].append(index)
        elif not left:
            pairing.orphans.append(index)
        elif facts and len({facts[image].sha256 or image for image in left}) == 1:
            copies.append((index, left))
        else:
            pairing.ambiguous[index] = left
    _settle_by_paths(pairing, claims, claimed)
    for index, same in copies:  # they take what the others leave over
        claimed[next((image for image in same if image not in claimed), same[0])].append(index)
    for image, claimants in claimed.items():
        pairing.claim[image] = claimants[0]
        if len(claimants) > 1:
            _settle(pairing, images, claims, image, claimants)
    return pairing


class _Names:
    """The images by their names."""

    def __init__(self, by_stem: Mapping[str, list[int]]) -> None:
        self.by_stem = by_stem

    def own(self, base: str) -> list[int]:
        """The images with the name of an annotation file, which has no further ending."""
        found = (self.by_stem.get(stem(one)) for one in addresses.base_names(base))
        return next(filter(None, found), None) or self._kept(base)

    def stated(self, name: str) -> list[int]:
        """The images with a stated name, in the first spelling of it that there is; none for ""."""
        for base in addresses.base_names(name):
            if found := self.by_stem.get(stem(base)) or self.by_stem.get(stem(base.rpartition(".")[0])):
                return found
        return self._kept(name) if name else []

    def _kept(self, name: str) -> list[int]:
        """The only image whose name Label Studio keeps in this form; none if there are several."""
        base = addresses.uploaded(name)
        found = self._by_kept_name.get(stem(base), []) if base else []
        return found if len(found) == 1 else []

    @cached_property
    def _by_kept_name(self) -> Mapping[str, list[int]]:
        found: dict[str, list[int]] = {}
        for name, same in self.by_stem.items():
            found.setdefault(addresses.kept_name(name), []).extend(same)
        return found


class _Folders:
    """Where images and annotations lie, to tell an image in the wrong place."""

    def __init__(self, images: Sequence[File], claims: Sequence[Claim]) -> None:
        self._of_images = [_folder(image) for image in images]
        self._above_images = _above(set(self._of_images))
        self._claims, self._of_claims = claims, [_folder(claim.file) for claim in claims]
        self._above_claims = _above(set(self._of_claims))
        self._folded = {fold(folder) for folder in set(self._of_images)}
        self._known: dict[tuple, tuple[bool, bool]] = {}

    def against(self, index: int, image: int) -> tuple[bool, bool]:
        """What speaks against the only image of a claim's name.

        First whether images lie in the folder that goes with the claim's, and this one lies neither there nor below, if
        the claim states no folder; then whether the claim has other images nearer to it, and the image other
        annotations.
        """
        claim = self._claims[index]
        pair = (self._of_claims[index], self._of_images[image], claim.places)
        if pair not in self._known:
            beside = fold(claim.image_folder)
            outside = beside in self._folded and not f"{fold(pair[1])}/".startswith(f"{beside}/")
            far = _common(*pair[:2]) < min(_depth(pair[0], self._above_images), _depth(pair[1], self._above_claims))
            self._known[pair] = (outside, far)
        outside, far = self._known[pair]
        return outside and "/" not in claim.image and "\\" not in claim.image, far


@lru_cache(maxsize=4096)
def _image_folder(folder: str, places: tuple[tuple[str, str], ...]) -> str:
    parts = folder.split("/")
    for index in range(len(parts) - 1, -1, -1):
        for own, of_images in places:
            if parts[index].lower() == own.lower():
                return "/".join([*parts[:index], of_images, *parts[index + 1 :]])
    return ""


def _above(folders: Set[str]) -> set[str]:
    """Some folders and all that they lie in."""
    found = set()
    for folder in folders:
        while folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


def _depth(folder: str, known: Set[str]) -> int:
    """How many folders at the start of a path lead to the last one that is known."""
    while folder and folder not in known:
        folder = folder.rpartition("/")[0]
    return len(folder.split("/")) if folder else 0


@lru_cache(maxsize=4096)
def _common(one: str, other: str) -> int:
    """How many folders at the start of two paths are the same."""
    pairs = zip(one.split("/"), other.split("/"), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _candidates(names: _Names, index: int, claim: Claim, pairing: Pairing) -> list[int]:
    """The images that a claim may be about by its names; contradictions between these are noted in `pairing`."""
    own: list[int] = []
    if claim.alone:
        base = claim.file.base.rpartition(".")[0]
        own = names.by_stem.get(fold(base)) or names.own(base)
        if own and not claim.other_image and claim.image.rpartition(".")[0] == base:
            return own  # as in nearly all files
    stated = names.stated(claim.image)
    second = names.stated(claim.other_image)
    chosen = own or stated or second
    if chosen:
        if claim.image and not stated:
            pairing.stale.append(index)
        elif stated and not set(stated) & set(chosen):
            pairing.another[index] = stated
        if second and not set(second) & set(chosen):
            pairing.contradictions.append(Contradiction(index, "path", second))
    return chosen


def _narrow(
    images: Sequence[File], facts: Sequence[ImageFacts], candidates: list[int], claim: Claim, parallel: bool
) -> list[int]:
    """Narrow several candidates down, by one kind of evidence after the other, until one is left."""
    stated, file = fold(claim.image.replace("\\", "/")), claim.file
    exact = claim.image.replace("\\", "/").rpartition("/")[2]
    base, own, place, folder = stated.rpartition("/")[2], _folder(file), file.place, file.folder
    last = own.rpartition("/")[2]
    end, beside = _end(stated, own), fold(claim.image_folder)
    # The name of a file about one image is the image's, and may say what that shows: train_1.xml.
    side = side_words.of_path(f"{own}/" if claim.alone else file.path)

    def is_stated(image: int) -> bool:
        return base != stated and f"/{fold(images[image].path)}".endswith(end)

    def is_in_own_folder(image: int) -> bool:
        return _folder(images[image]) == own

    tests = (
        lambda image: images[image].base == exact,
        lambda image: fold(images[image].base) == base,
        # Of one image, it may have been moved with it and state the old path.
        *((is_in_own_folder, is_stated) if claim.alone else (is_stated, is_in_own_folder)),
        lambda image: beside != "" and fold(_folder(images[image])) == beside,
        lambda image: side != "" and side_words.of_path(f"{_folder(images[image])}/") == side,
        lambda image: parallel and images[image].folder == folder and images[image].place == place,
        lambda image: parallel and images[image].folder == folder,
        lambda image: images[image].place == place,
        lambda image: last != "" and _folder(images[image]).rpartition("/")[2] == last,
        lambda image: _has_size(facts, image, claim.size),
    )
    for test in tests:
        candidates = [image for image in candidates if test(image)] or candidates
        if test is is_stated and base != stated:
            candidates = _with_longest_tail(images, candidates, stated.rpartition("/")[0])
        if len(candidates) == 1:
            return candidates
    return _in_stated_folder(images, candidates, claim) or _nearest(images, candidates, file) or candidates


def _end(stated: str, folder: str) -> str:
    """The end of an image's path by a stated path, which may be relative to the folder of the annotation."""
    return fold(posixpath.normpath(f"{folder}/{stated}")) if stated.startswith(".") else f"/{stated.lstrip('/')}"


def _nearest(images: Sequence[File], candidates: list[int], file: File) -> list[int]:
    """The candidate that shares more folders with a file than the others do; none if there are several."""
    shared = [_common(_folder(file), _folder(images[image])) for image in candidates]
    best = max(shared)
    return [candidates[shared.index(best)]] if shared.count(best) == 1 else []


def _with_longest_tail(images: Sequence[File], candidates: list[int], folder: str) -> list[int]:
    """The candidates whose folders end as the stated one does, in as many names as any."""
    tails = [int(_likeness(folder, _folder(images[image]))) for image in candidates]
    return [image for image, tail in zip(candidates, tails, strict=True) if tail == max(tails)]


def _against(
    images: Sequence[File], facts: Sequence[ImageFacts], candidates: list[int], chosen: int, index: int, claim: Claim
) -> Iterator[Contradiction]:
    """What speaks for other images of the same name than the chosen one."""
    place = claim.file.place
    if images[chosen].place != place and _folder(images[chosen]) != (own := _folder(claim.file)):
        there = [image for image in candidates if _folder(images[image]) == own]
        there = there or [image for image in candidates if place and images[image].place == place]
        if there:
            yield Contradiction(index, "place", there)
    if facts and not _has_size(facts, chosen, claim.size):
        fitting = [image for image in candidates if _has_size(facts, image, claim.size)]
        if fitting:
            yield Contradiction(index, "size", fitting)
    if claim.folders:
        there = _in_stated_folder(images, candidates, claim)
        if there and chosen not in there:
            yield Contradiction(index, "folders", there)


def _has_size(facts: Sequence[ImageFacts], image: int, size: tuple[int, int]) -> bool:
    """Whether an image is of the stated size, as stored or upright."""
    if not facts or not all(size):
        return False
    info = facts[image].info
    return size in ((info.width, info.height), exif.upright_size(info.width, info.height, info.orientation))


def _in_stated_folder(images: Sequence[File], candidates: Sequence[int], claim: Claim) -> list[int]:
    """The candidate whose folders are most like the stated ones; none if nothing tells them apart."""
    place = _most_alike(claim.folders, tuple([_folder(images[image]) for image in candidates]))
    return [] if place is None else [candidates[place]]


@lru_cache(maxsize=4096)
def _most_alike(stated: tuple[str, ...], folders: tuple[str, ...]) -> int | None:
    """Which of the folders is the most like the first stated one that tells them apart; None if none does."""
    for one in stated:
        scores = [_likeness(one, folder) for folder in folders]
        best = max(scores)
        if best and scores.count(best) == 1:
            return scores.index(best)
    return None


def _likeness(stated: str, folder: str) -> float:
    """The number of folders at the end of both paths that are the same; a half if only the stated last one occurs."""
    wanted, parts = fold(stated).split("/"), fold(folder).split("/")
    same = 0
    while same < min(len(wanted), len(parts)) and wanted[-same - 1] == parts[-same - 1]:
        same += 1
    return same or 0.5 * (wanted[-1] in parts)


def _folder(file: File) -> str:
    return file.path.rpartition("/")[0]


def _settle_by_paths(pairing: Pairing, claims: Sequence[Claim], claimed: dict[int, list[int]]) -> None:
    """Give a claim of several candidates the one that no other statement of its file states with its path."""
    for index, candidates in list(pairing.ambiguous.items()):
        path = claims[index].file.path
        left = [
            image
            for image in candidates
            if not any(claims[one].file.path == path and "/" in claims[one].image for one in claimed.get(image, ()))
        ]
        if len(left) == 1:
            del pairing.ambiguous[index]
            claimed[left[0]].append(index)


def _settle(
    pairing: Pairing, images: Sequence[File], claims: Sequence[Claim], image: int, claimants: Sequence[int]
) -> None:
    """Give an image to the claimant that has its file name. The others get no image: what they say is not about one."""
    name = stem(images[image].base)
    named = [index for index in claimants if _has_name(claims[index], name)]
    if len(named) > 1:
        named = [index for index in named if claims[index].file.place == images[image].place] or named
    if len(named) != 1:
        pairing.unsettled.add(image)
    winner = named[0] if named else claimants[0]
    pairing.claim[image] = winner
    pairing.twice.update({loser: image for loser in claimants if loser != winner})


def _has_name(claim: Claim, name: str) -> bool:
    base = claim.file.base.rpartition(".")[0]
    return claim.alone and name in (fold(base), stem(base))
