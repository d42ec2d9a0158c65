"""Decides what the data set is: the samples of both sides, their classes, and the defects found.

The decision depends only on the facts, the settings and the split history, not on the order in which files were found.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from boxwright.catalog import formats
from boxwright.core import names
from boxwright.core.wording import few, plural
from boxwright.dataset import (
    audit,
    class_lists,
    class_names,
    frame_numbers,
    grouping,
    orientation,
    pairing,
    repeated_boxes,
    resized,
    sources,
    split,
    stated_split,
)
from boxwright.dataset import formats as readers
from boxwright.dataset.annotation_facts import UNRECOGNISED, AnnotationFacts, FileFacts, Unread
from boxwright.dataset.audit import Ledger
from boxwright.dataset.checks import Checker
from boxwright.dataset.class_lists import Lists
from boxwright.dataset.defects import DROP_IMAGE, FAIL, FIX, KEEP, ODD, UNLABELLED, Case, by_number
from boxwright.dataset.image_facts import ImageFacts
from boxwright.dataset.near_duplicates import Finder
from boxwright.dataset.pairing import Claim
from boxwright.dataset.samples import PlannedSample, boxes_from_json
from boxwright.dataset.scan import File
from boxwright.dataset.sets import Sets
from boxwright.dataset.sources import Annotated
from boxwright.images.headers import ImageInfo


class Found(NamedTuple):
    """The files found: images in order with their unique names and facts, annotations with what they say.

    statements: for a file that cannot be read, the reason. parallel: whether the n-th images folder goes
    with the n-th annotations folder. embedded: the images that lie in annotation files, by the numbers of the file and
    of its statement. images_of: by the number of a folder of annotations, the images of its source; empty for one
    source.
    """

    images: Sequence[File]
    names: Sequence[str]
    image_facts: Sequence[ImageFacts]
    annotations: Sequence[Annotated]
    statements: Sequence[FileFacts | Unread]
    parallel: bool
    embedded: Mapping[tuple[int, int], int] = MappingProxyType({})
    images_of: Mapping[int, frozenset[int]] = MappingProxyType({})


class Split(NamedTuple):
    """How samples get their side: from given lists or by a draw.

    lists: the paths of lists by side: of training and evaluation images, of test images, of all three, or none. A list
    of test images alone goes before a draw of the other sides. known, known_bytes: the remembered sides by name and by
    sha256, which the draw keeps. group_of: groups that the draw keeps together, by name. finder: finds near-duplicates;
    None if they are not wanted. test_fraction: the share of test images, to be drawn from the evaluation side; 0 for
    none. test_grows: whether remembered evaluation images may be drawn too, because the share is new or larger.
    source: whether the sides are those that the source states. asks: whether to find out what the source states.
    """

    eval_fraction: float
    seed: int
    known: Mapping[str, str]
    known_bytes: Mapping[str, str]
    lists: Mapping[str, str]
    group_of: Mapping[str, str] = MappingProxyType({})
    finder: Finder | None = None
    test_fraction: float = 0.0
    test_grows: bool = False
    source: bool = False
    asks: bool = False

    @property
    def sides(self) -> list[str]:
        """The sides that there are."""
        tested = self.test_fraction or split.TEST in self.lists
        return [*split.SIDES] if tested else [split.TRAIN, split.EVAL]


@dataclass
class Decision:
    """What the data set is.

    samples: by side, sorted by name. annotations: their number, including unreadable ones. left_out: the number of
    good images on no list. classes: of all boxes. alike: the numbers of images that have a near-duplicate, and of
    the groups that they form. across: by evaluation image that shows the same as a training image, that image. ledger:
    what became of every object. told: a sentence about the split. stated: by image, the side that the source states.
    named: sentences about the files with the names of the classes.
    """

    samples: dict[str, list[PlannedSample]]
    cases: list[Case]
    annotations: int
    left_out: int = 0
    classes: set[str] = field(default_factory=set)
    alike: tuple[int, int] = (0, 0)
    across: dict[str, str] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
    told: str = ""
    stated: dict[str, str] = field(default_factory=dict)
    named: list[str] = field(default_factory=list)


def decide(found: Found, checker: Checker, sides: Split) -> Decision:
    """Pair, check, find duplicates and split. Raises UserError if the lists of the split have mistakes."""
    ledger = Ledger()
    claims, said = _claims(found, checker, ledger)
    pairs = zip(found.annotations, found.statements, strict=True)
    lists = class_lists.of(one for one, statements in pairs if not isinstance(statements, Unread))
    _report_remarks(found, lists, checker, ledger)
    unlabelled = sum(case.defect == UNLABELLED for case in checker.cases)
    stated: dict[str, str] | None = {} if sides.source or sides.asks else None
    samples = _samples(found, claims, said, checker, ledger, stated)
    for name, detail in repeated_boxes.found(samples):
        _notice(name, "", detail, checker, ledger)
    decision = Decision(
        {side: [] for side in sides.sides}, checker.cases, len(claims) + unlabelled, ledger=ledger, stated=stated or {}
    )
    decision.named = class_lists.told(lists)
    listed = split.from_lists(sides.lists, found.names) if sides.lists else {}
    if sides.source:
        listed, decision.told = stated_split.settled({sample.name: stated.get(sample.name, "") for sample in samples})
        decision.samples |= {side: [] for side in split.SIDES if side in listed.values()}
    given = sides.source or split.TRAIN in sides.lists
    if given:
        decision.left_out = sum(sample.name not in listed for sample in samples)
        for sample in samples:
            if sample.name not in listed:
                ledger.drop(sample.name, audit.ON_NO_LIST)
        samples = [sample for sample in samples if sample.name in listed]
    used = _without_copies(samples, checker, ledger)
    links = (
        sides.finder.links(sample.sha256 for sample in used) + grouping.exported_copies(used) if sides.finder else []
    )
    side_of = {one.name: listed[one.name] for one in used} if sides.source else _sides(used, sides, listed, links)
    again = _on_later_sides(used, side_of)
    alike = _on_earlier_sides_alike(used, side_of, links, decision)
    for sample in used:
        if sample.name in alike:
            detail = f"it shows the same as the {alike[sample.name]}"
            if checker.report(sample.name, "near_duplicate_across_split", detail) == DROP_IMAGE:
                ledger.drop(sample.name, "near_duplicate_across_split")
                continue
        if sample.name in again:
            detail = f"the {again[sample.name]} has the same bytes"
            if checker.report(sample.name, "duplicate_across_split", detail) == DROP_IMAGE:
                ledger.drop(sample.name, "duplicate_across_split")
                continue
        decision.samples[side_of[sample.name]].append(sample)
    decision.across = _trained_alike(decision, alike)
    used = [sample for samples in decision.samples.values() for sample in samples]
    decision.classes = set().union(*{sample.classes for sample in used})
    class_names.report(used, checker)
    _report_background(decision, checker)
    return decision


def _sides(
    used: Sequence[PlannedSample], sides: Split, listed: Mapping[str, str], links: Sequence[tuple[str, str]]
) -> dict[str, str]:
    """The side of every sample by its name; `listed` has those that lists give."""
    remembered = {sample.name: sides.known.get(sample.name, sides.known_bytes.get(sample.sha256)) for sample in used}
    if split.TRAIN in sides.lists:
        side_of = {sample.name: listed[sample.name] for sample in used}
        for name, side in side_of.items():
            if sides.test_fraction and side == split.EVAL and remembered[name] == split.TEST:
                side_of[name] = split.TEST
    else:
        side_of = split.draw(
            used,
            sides.eval_fraction + sides.test_fraction,
            sides.seed,
            sides.known,
            sides.known_bytes,
            sides.group_of,
            links,
            listed=frozenset(listed),
            parts=2 if sides.test_fraction else 1,
        )
    if not sides.test_fraction:
        return side_of
    settled = () if sides.test_grows else [name for name, side in remembered.items() if side == split.EVAL]
    return split.draw_test(
        used,
        side_of,
        sides.eval_fraction,
        sides.test_fraction,
        sides.seed,
        frozenset(settled),
        sides.group_of,
        links,
    )


def _on_later_sides(used: Sequence[PlannedSample], side_of: Mapping[str, str]) -> dict[str, str]:
    """By image, an image of a side that knows less of the training and has the same bytes, in words."""
    last: dict[str, PlannedSample] = {}
    for side in split.SIDES:
        last |= {sample.sha256: sample for sample in used if side_of[sample.name] == side}
    found = {}
    for sample in used:
        side = side_of[last[sample.sha256].name]
        if side != side_of[sample.name]:
            found[sample.name] = f"{split.WORDS[side]} image {last[sample.sha256].name}"
    return found


def _on_earlier_sides_alike(
    used: Sequence[PlannedSample], side_of: Mapping[str, str], links: Sequence[tuple[str, str]], decision: Decision
) -> dict[str, str]:
    """By evaluation or test image, an image of an earlier side that is its near-duplicate, in words.

    That is an image of the first side that has one, directly if there is one, else through others. Counts the images
    and groups of near-duplicates in `decision`.
    """
    if not links:
        return {}
    connected: Sets[str] = Sets()
    direct: dict[str, set[str]] = defaultdict(set)
    for one, other in links:
        connected.unite(one, other)
        direct[one].add(other)
        direct[other].add(one)
    members = [sample for sample in used if sample.sha256 in direct]
    decision.alike = len(members), len({connected.of(sample.sha256) for sample in members})
    on_side: dict[tuple[str, str], list[PlannedSample]] = defaultdict(list)
    for sample in members:
        on_side[side_of[sample.name], connected.of(sample.sha256)].append(sample)
    found = {}
    for sample in members:
        for side in split.SIDES[: split.SIDES.index(side_of[sample.name])]:
            others = on_side.get((side, connected.of(sample.sha256)), ())
            # the same bytes on both sides are another defect
            if others and sample.sha256 not in {one.sha256 for one in others}:
                near = next((one for one in others if one.sha256 in direct[sample.sha256]), None)
                other = near.name if near else f"{others[0].name}, through others"
                found[sample.name] = f"{split.WORDS[side]} image {other}"
                break
    return found


def _trained_alike(decision: Decision, alike: Mapping[str, str]) -> dict[str, str]:
    """By evaluation image that shows the same as a training image, or has its bytes, that image.

    alike: by name, the image that it shows the same as, in words (`_on_earlier_sides_alike`).
    """
    same = {sample.sha256: sample.name for sample in decision.samples[split.TRAIN]}
    words = f"{split.WORDS[split.TRAIN]} image "
    found = {}
    for sample in decision.samples[split.EVAL]:
        text = alike.get(sample.name, "")
        near = text.removeprefix(words) if text.startswith(words) else None
        if other := same.get(sample.sha256) or near:
            found[sample.name] = other
    return found


def _claims(found: Found, checker: Checker, ledger: Ledger) -> tuple[list[Claim], list[AnnotationFacts | Unread]]:
    """A claim for every statement and every unreadable annotation; what each says, or why it cannot be read.

    A file that looks like no annotation is none, unless there is nothing else, or it has the name of an image that no
    readable file has and is of a format whose files are about one image each. In other formats the file's name says
    nothing about its images. There is no claim where the image was classified and not annotated (`Format.classifies`).
    """
    claims: list[Claim] = []
    said: list[AnnotationFacts | Unread] = []
    known = formats.by_key()
    drawn = _drawn(found)
    lacking: Counter[str] | None = None
    anything = any(not isinstance(one, Unread) for one in found.statements)
    for number, ((file, key, _), statements) in enumerate(zip(found.annotations, found.statements, strict=True)):
        about = known[key]
        if isinstance(statements, Unread):
            if statements.defect == UNRECOGNISED:
                if lacking is None:
                    lacking = _lacking(found)
                named = about.one_image and pairing.stem(file.base.rpartition(".")[0]) in lacking
                if anything and about is not formats.VOC and not named:
                    ledger.pass_over(file.relative, statements)
                    continue
                statements.defect = Unread.defect
            claims.append(Claim(file, alone=about.one_image, key=key))
            said.append(statements)
            continue
        alone = about.one_image and len(statements) == 1 and not statements[0].mention
        for place, statement in enumerate(statements):
            size, own = (statement.width, statement.height), found.embedded.get((number, place))
            claim = Claim(
                file, statement.image, alone, size, statement.folders, statement.other_image, about.places, own, key
            )
            if statement.marks and not statement.classes and (marks := _classes_of(statement.marks, drawn)):
                why = f"as a whole it is marked as {few(marks)}, and no box says where that is"
                if about.classifies:
                    checker.report(claim.label, UNLABELLED, why)
                    continue
                _notice(claim.label, key, f"{why}; it counts as an image without objects", checker, ledger)
            claims.append(claim)
            said.append(statement)
    return claims, said


def _lacking(found: Found) -> Counter[str]:
    """The names of images, as often as there are more images than readable files of that name."""
    pairs = zip(found.annotations, found.statements, strict=True)
    files = [one.file for one, said in pairs if not isinstance(said, Unread)]
    images = Counter(pairing.stem(image.base) for image in found.images)
    return images - Counter(pairing.stem(file.base.rpartition(".")[0]) for file in files)


def _drawn(found: Found) -> set[str]:
    """The classes of all boxes, where images are marked as a whole."""
    read = [statements for statements in found.statements if not isinstance(statements, Unread)]
    if not any(one.marks for statements in read for one in statements):
        return set()
    return {names.clean(name) for of in {one.classes for statements in read for one in statements} for name in of}


def _classes_of(marks: Sequence[str], drawn: Set[str]) -> list[str]:
    """The marks of an image that are classes of boxes; all of them where there is no box at all."""
    clean = dict.fromkeys(map(names.clean, marks))
    return [mark for mark in clean if mark and (mark in drawn or not drawn)]


def _samples(
    found: Found,
    claims: Sequence[Claim],
    said: Sequence[AnnotationFacts | Unread],
    checker: Checker,
    ledger: Ledger,
    stated: dict[str, str] | None,
) -> list[PlannedSample]:
    """The samples that remain after pairing and checking, sorted by name.

    The side of the split that the source states for an image is put into `stated`, if that is given.
    """
    mentions = [index for index, one in enumerate(said) if not isinstance(one, Unread) and one.mention]
    if mentions:
        listed = set(mentions)
        mentioned = [claims[index] for index in mentions], [said[index] for index in mentions]
        claims = [one for index, one in enumerate(claims) if index not in listed]
        said = [one for index, one in enumerate(said) if index not in listed]
    paired = pairing.match(found.images, claims, found.parallel, found.image_facts, found.images_of)
    dropped = dict.fromkeys(_report_pairs(found.names, claims, said, paired, checker), "annotation_twice")
    dropped = _report_contradictions(found, claims, paired, checker) | dropped
    for index, (claim, one) in enumerate(zip(claims, said, strict=True)):
        if isinstance(one, Unread):
            ledger.cannot_read(claim.key)
        elif reason := paired.without_image(index):
            ledger.lose(claim.label, claim.key, len(one.classes), reason)
    for claim, why in frame_numbers.shifted(found.images, claims, paired):
        _notice(claim.label, claim.key, why, checker, ledger)
    on_list: list[int | None] = [None] * len(found.images)
    if mentions:
        on_list = _with_mentioned(found, claims, said, *mentioned, paired, checker)
        claims, said = [*claims, *mentioned[0]], [*said, *mentioned[1]]
    checker.turned = orientation.evidence(
        (info, one) for info, one in _paired(found, said, paired) if info.orientation != 1
    )
    checker.resized = resized.evidence(_paired(found, said, paired))
    elsewhere = {image: claim for claim, of in paired.elsewhere.items() for image in of}
    described_of = {} if stated is None else _described(found)
    samples = []
    for index in sorted(range(len(found.images)), key=found.names.__getitem__):
        name, claim = found.names[index], paired.claim[index]
        why = dropped.get(index, "")
        if index in paired.namesakes:
            detail = f"{found.names[paired.namesakes[index]]} has the same name"
            if checker.report(name, "same_name", detail) == DROP_IMAGE:
                why = why or "same_name"
        annotation: AnnotationFacts | Unread | None = None
        label = ""
        if claim is None:
            detail = "no annotation names it or has its file name"
            if index in elsewhere:
                detail = f"{claims[elsewhere[index]].label} has its name, but lies with the images of another folder"
            if checker.report(name, "image_without_annotation", detail) != KEEP or why:
                continue
        else:
            annotation, label = said[claim], claims[claim].label
            if isinstance(annotation, Unread):
                checker.report(label, annotation.defect, annotation)
                why, annotation = why or annotation.defect, None
        sample = checker.sample(name, found.images[index].path, found.image_facts[index], annotation, label)
        if annotation is not None:
            ledger.enter(name, label, claims[claim].key, len(annotation.classes), checker.fates)
        if sample is not None and not why:
            samples.append(sample)
            if stated is not None:
                about = [claims[one] for one in (on_list[index], claim) if one is not None]
                words = [said[one].split for one in (on_list[index], claim) if one is not None]
                listed = "" if on_list[index] is None else about[0].file.path
                described = next(filter(None, [described_of[one.file.path] for one in about]), {})
                side = stated_split.of_places(described, found.images[index].path, listed)
                places = [_place(one) for one in about]
                stated[name] = stated_split.of_image([*words, side], places, _tail(found.images[index]))
        else:
            ledger.drop(name, why or checker.dropped_by or FAIL)
    return samples


def _with_mentioned(
    found: Found,
    claims: Sequence[Claim],
    said: Sequence[AnnotationFacts | Unread],
    mentioned: Sequence[Claim],
    lists: Sequence[AnnotationFacts],
    paired: pairing.Pairing,
    checker: Checker,
) -> list[int | None]:
    """Give images without a claim in `paired` one of a list of images. Such claims are numbered behind the others.

    Returns for each image the number of the claim of a list that names it.
    """
    named = pairing.match(found.images, mentioned, found.parallel, found.image_facts, found.images_of)
    for index in named.orphans:
        detail = f"there is no image {mentioned[index].image}"
        checker.report(mentioned[index].label, "annotation_without_image", detail)
    taken = paired.claimed
    for image, claim in enumerate(named.claim):
        if claim is not None and paired.claim[image] is None and image not in taken:
            paired.claim[image] = len(claims) + claim
    return [None if claim is None else len(claims) + claim for claim in named.claim]


def _described(found: Found) -> dict[str, Mapping[str, Sequence[str]]]:
    """By the path of an annotation file, the folders and lists of each side that its explaining files state."""
    known = {(one.key, one.beside): stated for one, stated in sources.explained(found.annotations, readers.sides)}
    return {one.file.path: known.get((one.key, one.beside), {}) for one in found.annotations}


def _place(claim: Claim) -> str:
    """Where a claim's file lies; the name of a file that is about the image of its name tells nothing."""
    path = _tail(claim.file)
    return f"{path.rpartition('/')[0]}/" if claim.alone else path


def _tail(file: File) -> str:
    """A file's path below the folder that was given, with two folders before it."""
    given = file.path.removesuffix(file.relative).split("/")
    return "/".join([*[part for part in given if part][-2:], file.relative])


def _report_remarks(found: Found, lists: Sequence[Lists], checker: Checker, ledger: Ledger) -> None:
    """Report what is odd about the annotation files; `lists`: the names of classes that explain them."""
    numbers: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for (file, key, _), statements in zip(found.annotations, found.statements, strict=True):
        for remark in () if isinstance(statements, Unread) else statements.remarks:
            if remark.defect == "class_number":
                numbers[remark.about].append((file.relative, remark.detail))
                continue
            label = f"{file.relative} ({remark.about})" if remark.about else file.relative
            checker.report(label, remark.defect, remark.detail)
            ledger.lose(label, key, remark.objects, remark.defect)
            if remark.defect == ODD:
                ledger.notice(label, key, remark.detail)
    by_key: dict[str, list[FileFacts]] = defaultdict(list)
    example: dict[str, str] = {}
    for (file, key, _), statements in zip(found.annotations, found.statements, strict=True):
        if not isinstance(statements, Unread):
            by_key[key].append(statements)
            example.setdefault(key, file.relative)
    for key, files in by_key.items():
        for remark in readers.survey(files):
            _notice(example[key], key, remark.detail, checker, ledger)
    for label, key, detail in class_lists.contradictions(lists):
        _notice(label, key, detail, checker, ledger)
    for number, files in numbers.items():
        if number not in checker.rules.rename and number not in (checker.known or ()):
            first, detail = files[0]
            checker.report(first, "class_number", f"{detail} ({plural(len(files), 'file')})")


def _notice(label: str, key: str, detail: str, checker: Checker, ledger: Ledger) -> None:
    """Report a trace of a tool's fault in an annotation of a format, by its key, or in several annotations."""
    checker.report(label, ODD, detail)
    ledger.notice(label, key, detail)


def _paired(
    found: Found, said: Sequence[AnnotationFacts | str], paired: pairing.Pairing
) -> Iterator[tuple[ImageInfo, AnnotationFacts]]:
    """The images with what is said about them."""
    for facts, claim in zip(found.image_facts, paired.claim, strict=True):
        if claim is not None and not isinstance(said[claim], str):
            yield facts.info, said[claim]


def _report_pairs(
    names: Sequence[str],
    claims: Sequence[Claim],
    said: Sequence[AnnotationFacts | Unread],
    paired: pairing.Pairing,
    checker: Checker,
) -> set[int]:
    """Report what pairing could not resolve; return the images to leave out because of it."""
    dropped = set()
    for orphan in paired.orphans:
        claim, reason = claims[orphan], said[orphan]
        if isinstance(reason, Unread):  # what is read wrongly is reported once, as that
            checker.report(claim.label, reason.defect, reason)
            continue
        if orphan in paired.elsewhere:
            other = few([names[image] for image in paired.elsewhere[orphan]])
            folder = claim.image_folder.removeprefix(claim.file.path.removesuffix(claim.file.relative))
            detail = f"the images of its folder are in {folder}, and {other}, which has its name, is not"
            checker.report(claim.label, "annotation_without_image", detail)
            continue
        named = f"there is no image {claim.image}" if claim.image else "it names no image"
        also = ", and no image has the annotation's file name" if claim.alone else ""
        checker.report(claim.label, "annotation_without_image", f"{named}{also}")
    for ambiguous, candidates in paired.ambiguous.items():
        detail = f"it may belong to {few([names[index] for index in candidates], limit=4)}"
        checker.report(claims[ambiguous].label, "annotation_ambiguous", detail)
    for loser, image in paired.twice.items():
        taken = paired.claim[image]
        other = claims[taken].label
        detail = f"it names {names[image]}, which belongs to {other}"
        action = ""
        differ = _content(said[loser]) != _content(said[taken])
        if checker.policies["annotation_twice"] == FIX and image in paired.unsettled and differ:
            action, detail = DROP_IMAGE, f"it and {other} both name {names[image]}"
        if checker.report(claims[loser].label, "annotation_twice", detail, action=action) == DROP_IMAGE:
            dropped.add(image)
    return dropped


def _report_contradictions(
    found: Found, claims: Sequence[Claim], paired: pairing.Pairing, checker: Checker
) -> dict[int, str]:
    """Report where what is known of an annotation's image is true of different images.

    Returns the images to leave out because of it, each with the defect.
    """
    image_of = {claim: image for image, claim in enumerate(paired.claim) if claim is not None}
    cases: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for index, others in paired.another.items():
        named = few([found.names[other] for other in others])
        detail = f"its file name is that of {_own_image(found, paired, index, image_of)}, but it states {named}"
        cases["annotation_names_another"].append((index, detail))
    for index in paired.stale:
        detail = f"there is no image {claims[index].image}"
        if index in image_of:
            detail += f"; it is taken for {found.names[image_of[index]]}"
        cases["annotation_stale_name"].append((index, detail))
    for index, source, others in paired.contradictions:
        named = few([found.names[other] for other in others])
        chosen = f"it is taken for {_own_image(found, paired, index, image_of)}, but"
        why = {
            "size": f"the stated size, {claims[index].size[0]}x{claims[index].size[1]}, is that of {named}",
            "place": f"it lies in the folder of {named}",
            "folders": f"the stated folder, {few(claims[index].folders)}, is that of {named}",
            "path": f"its path names {named}",
            "far": "other annotations lie nearer to that image, and other images nearer to the annotation",
        }
        cases["annotation_contradiction"].append((index, f"{chosen} {why[source]}"))
    dropped: dict[int, str] = {}
    for defect, of in cases.items():
        action = by_number(defect, checker.policies[defect], len({index for index, _ in of}), len(claims))
        for index, detail in of:
            if checker.report(claims[index].label, defect, detail, action=action) == DROP_IMAGE and index in image_of:
                dropped.setdefault(image_of[index], defect)
    return dropped


def _own_image(found: Found, paired: pairing.Pairing, claim: int, image_of: Mapping[int, int]) -> str:
    """The image, or images, that a claim is taken to be about."""
    about = paired.ambiguous.get(claim) or [image_of[claim] if claim in image_of else paired.twice[claim]]
    return few([found.names[image] for image in about])


def _content(said: AnnotationFacts | Unread) -> object:
    return said if isinstance(said, Unread) else (said.unit, boxes_from_json(said.boxes))


def _without_copies(samples: Sequence[PlannedSample], checker: Checker, ledger: Ledger) -> list[PlannedSample]:
    """Report images with the same bytes as another, and leave them out if the policy says so."""
    first: dict[str, PlannedSample] = {}
    result = []
    for sample in samples:
        other = first.setdefault(sample.sha256, sample)
        if other is not sample:
            same = Counter(boxes_from_json(sample.boxes)) == Counter(boxes_from_json(other.boxes))
            defect = "duplicate_same_boxes" if same else "duplicate_other_boxes"
            if checker.report(sample.name, defect, f"it has the same bytes as {other.name}") == DROP_IMAGE:
                ledger.drop(sample.name, defect)
                continue
        result.append(sample)
    return result


def _report_background(decision: Decision, checker: Checker) -> None:
    """Report classes that are called background, at the first image that has one, or at the given label map."""
    for name in sorted(decision.classes | (checker.known or frozenset())):
        if name.strip().casefold() == "background":
            used = [sample for samples in decision.samples.values() for sample in samples if name in sample.classes]
            where = min([sample.name for sample in used], default="the label map")
            checker.report(where, "class_background", f"'{name}' ({plural(len(used), 'image')})")
