"""Finds out which annotation belongs to which image.

An annotation belongs to the image that its `<filename>` names, else to the one that is named as its own file is; case
and extension do not count, nor does `<path>` or `<folder>`. Where several images have that name, the arrangement of the
folders decides, if it does.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from boxwright.dataset.scan import File, fold
from boxwright.images.loader import EXTENSIONS


@dataclass
class Pairs:
    """xml: for each image the index of its annotation, None where it has none. The rest are the cases to report.

    orphans: annotations without an image; ambiguous: annotation to the images that it may belong to; twice: annotation
    that was not taken to the image which another one has; unsettled: images for which nothing says which of their
    annotations to take; namesakes: image to an earlier one with the same name.
    """

    xml: list[int | None]
    orphans: list[int]
    ambiguous: dict[int, list[int]]
    twice: dict[int, int]
    unsettled: set[int]
    namesakes: dict[int, int]


def names(images: Sequence[File], folders: Sequence[str]) -> list[str]:
    """A name for each image, unique in the data set: its path below its folder.

    Where an earlier folder has the same path, as much of its own folder's path goes before it as tells them apart.
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
    """A file name as it is compared, without the extension of an image or an XML file."""
    base = fold(base)
    dot = base.rfind(".")
    return base[:dot] if dot > 0 and (base[dot:] in EXTENSIONS or base[dot:] == ".xml") else base


def match(images: Sequence[File], xmls: Sequence[File], stated: Sequence[str], parallel: bool) -> Pairs:
    """Pair images with annotations.

    `stated` is each annotation's `<filename>` ("" for none). `parallel` says that the n-th images folder goes with the
    n-th annotations folder.
    """
    by_stem: dict[str, list[int]] = {}
    for index, image in enumerate(images):
        by_stem.setdefault(stem(image.base), []).append(index)
    pairs = Pairs([None] * len(images), [], {}, {}, set(), {})
    for namesakes in by_stem.values():
        for index in namesakes[1:]:
            pairs.namesakes[index] = namesakes[0]
    claims: dict[int, list[int]] = defaultdict(list)
    for index, xml in enumerate(xmls):
        candidates = _candidates(by_stem, stated[index], xml)
        if len(candidates) > 1:
            candidates = _narrow(images, candidates, stated[index], xml, parallel)
        if len(candidates) == 1:
            claims[candidates[0]].append(index)
        elif candidates:
            pairs.ambiguous[index] = candidates
        else:
            pairs.orphans.append(index)
    for image, claimants in claims.items():
        pairs.xml[image] = claimants[0]
    for image, claimants in claims.items():
        if len(claimants) > 1:
            _settle(pairs, images, xmls, by_stem, image, claimants)
    return pairs


def _candidates(by_stem: dict[str, list[int]], stated: str, xml: File) -> list[int]:
    """The images that an annotation may belong to."""
    base = stated.replace("\\", "/").rpartition("/")[2]
    return by_stem.get(stem(base)) or by_stem.get(stem(base.rpartition(".")[0])) or by_stem.get(stem(xml.base)) or []


def _narrow(images: Sequence[File], candidates: list[int], stated: str, xml: File, parallel: bool) -> list[int]:
    """Those of several candidates that the stated extension and then the arrangement of folders leave."""
    stated = fold(stated.replace("\\", "/"))
    exact = [index for index in candidates if fold(images[index].base) == stated.rpartition("/")[2]]
    candidates = exact or candidates
    own = xml.path.rpartition("/")[0]
    tests = (
        lambda image: "/" in stated and ("/" + fold(image.path)).endswith("/" + stated.lstrip("/")),
        lambda image: image.path.rpartition("/")[0] == own,
        lambda image: parallel and image.folder == xml.folder and image.place == xml.place,
        lambda image: image.place == xml.place,
    )
    for test in tests:
        left = [index for index in candidates if test(images[index])]
        if len(left) == 1:
            return left
    return candidates


def _settle(
    pairs: Pairs,
    images: Sequence[File],
    xmls: Sequence[File],
    by_stem: dict[str, list[int]],
    image: int,
    claimants: list[int],
) -> None:
    """Give an image that several annotations claim to the one of its own name; the others get the image of theirs.

    A copied annotation often keeps the `<filename>` of the original.
    """
    name = stem(images[image].base)
    named = [index for index in claimants if stem(xmls[index].base) == name]
    if len(named) > 1:
        named = [index for index in named if xmls[index].place == images[image].place] or named
    if len(named) != 1:
        pairs.unsettled.add(image)
    winner = named[0] if named else claimants[0]
    pairs.xml[image] = winner
    for loser in claimants:
        if loser == winner:
            continue
        pairs.twice[loser] = image
        own = [other for other in by_stem.get(stem(xmls[loser].base), []) if pairs.xml[other] is None]
        if len(own) == 1 and own[0] != image:
            pairs.xml[own[0]] = loser
