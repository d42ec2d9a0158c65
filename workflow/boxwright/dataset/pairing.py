"""Finds out which statement is about which image.

A statement is about the image that it names. If there is no such image and the file is about one image only, it is
about the image that has the name of the file. Case and extension do not count. If several images have the name, the
arrangement of the folders decides, where it can.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from boxwright.core.names import fold
from boxwright.dataset.scan import File
from boxwright.images.loader import EXTENSIONS


class Claim(NamedTuple):
    """Which image a statement, or a file that cannot be read, claims to be about.

    file: the annotation file. image: name or path as stated, "" if none. alone: whether the file has no other claim.
    """

    file: File
    image: str = ""
    alone: bool = True

    @property
    def label(self) -> str:
        """The name of the statement in tables and error texts."""
        return self.file.relative if self.alone else f"{self.file.relative} ({self.image})"


@dataclass
class Pairing:
    """claim: for each image the index of its claim, None if it has none. The other fields are the cases to report.

    orphans: claims without an image. ambiguous: by claim, the images that it may be about. twice: by rejected claim,
    the image, which went to another claim. unsettled: images with several claims and no reason to prefer one.
    namesakes: by image, an earlier image with the same name.
    """

    claim: list[int | None]
    orphans: list[int]
    ambiguous: dict[int, list[int]]
    twice: dict[int, int]
    unsettled: set[int]
    namesakes: dict[int, int]


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
    return base[:dot] if dot > 0 and base[dot:] in EXTENSIONS else base


def match(images: Sequence[File], claims: Sequence[Claim], parallel: bool) -> Pairing:
    """Pair images with claims; `parallel` says that the n-th images folder goes with the n-th annotations folder."""
    by_stem: dict[str, list[int]] = {}
    for index, image in enumerate(images):
        by_stem.setdefault(stem(image.base), []).append(index)
    pairing = Pairing([None] * len(images), [], {}, {}, set(), {})
    for namesakes in by_stem.values():
        for index in namesakes[1:]:
            pairing.namesakes[index] = namesakes[0]
    claimed: dict[int, list[int]] = defaultdict(list)
    for index, claim in enumerate(claims):
        candidates = _candidates(by_stem, claim)
        if len(candidates) > 1:
            candidates = _narrow(images, candidates, claim, parallel)
        if len(candidates) == 1:
            claimed[candidates[0]].append(index)
        elif candidates:
            pairing.ambiguous[index] = candidates
        else:
            pairing.orphans.append(index)
    for image, claimants in claimed.items():
        pairing.claim[image] = claimants[0]
    for image, claimants in claimed.items():
        if len(claimants) > 1:
            _settle(pairing, images, claims, by_stem, image, claimants)
    return pairing


def _own(claim: Claim) -> str:
    """The name of a claim's file in the form that is compared; "" if the file is about several images."""
    return fold(claim.file.base).rpartition(".")[0] if claim.alone else ""


def _candidates(by_stem: dict[str, list[int]], claim: Claim) -> list[int]:
    """The images that a claim may be about."""
    base = claim.image.replace("\\", "/").rpartition("/")[2]
    return by_stem.get(stem(base)) or by_stem.get(stem(base.rpartition(".")[0])) or by_stem.get(_own(claim)) or []


def _narrow(images: Sequence[File], candidates: list[int], claim: Claim, parallel: bool) -> list[int]:
    """Narrow several candidates down by the stated extension, then by the arrangement of the folders."""
    stated, file = fold(claim.image.replace("\\", "/")), claim.file
    base = claim.image.replace("\\", "/").rpartition("/")[2]
    exact = [index for index in candidates if images[index].base == base]
    exact = exact or [index for index in candidates if fold(images[index].base) == fold(base)]
    candidates = exact or candidates
    own = file.path.rpartition("/")[0]
    tests = (
        lambda image: "/" in stated and ("/" + fold(image.path)).endswith("/" + stated.lstrip("/")),
        lambda image: image.path.rpartition("/")[0] == own,
        lambda image: parallel and image.folder == file.folder and image.place == file.place,
        lambda image: image.place == file.place,
    )
    for test in tests:
        left = [index for index in candidates if test(images[index])]
        if len(left) == 1:
            return left
    return candidates


def _settle(
    pairing: Pairing,
    images: Sequence[File],
    claims: Sequence[Claim],
    by_stem: dict[str, list[int]],
    image: int,
    claimants: list[int],
) -> None:
    """Give an image to the claimant that has its file name; the others get the image with their own name, if any.

    Such claims are common because a copied annotation often keeps the image name of the original.
    """
    name = stem(images[image].base)
    named = [index for index in claimants if _own(claims[index]) == name]
    if len(named) > 1:
        named = [index for index in named if claims[index].file.place == images[image].place] or named
    if len(named) != 1:
        pairing.unsettled.add(image)
    winner = named[0] if named else claimants[0]
    pairing.claim[image] = winner
    for loser in claimants:
        if loser == winner:
            continue
        pairing.twice[loser] = image
        own = [other for other in by_stem.get(_own(claims[loser]), []) if pairing.claim[other] is None]
        if len(own) == 1 and own[0] != image:
            pairing.claim[own[0]] = loser
