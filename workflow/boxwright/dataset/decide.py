"""From what the files say to what the data set is: samples on two sides, class ids and findings.

Pure: the same facts, settings and memory give the same decision, whatever the order in which files were found.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from boxwright.dataset import pairing, split
from boxwright.dataset.checks import Checker
from boxwright.dataset.defects import DROP_IMAGE, FIX, KEEP, Finding
from boxwright.dataset.facts import AnnotationFacts, ImageFacts
from boxwright.dataset.pairing import File
from boxwright.dataset.samples import Entry, boxes_from_json


class Facts(NamedTuple):
    """What was found: files in order, unique names of the images, and what each file says (a text: why it fails)."""

    images: Sequence[File]
    names: Sequence[str]
    image_facts: Sequence[ImageFacts]
    xmls: Sequence[File]
    annotations: Sequence[AnnotationFacts | str]
    parallel: bool


class Split(NamedTuple):
    """How sides are found: drawn with the remembered sides by name and by sha256, or from two lists by side."""

    eval_fraction: float
    seed: int
    known: Mapping[str, str]
    known_bytes: Mapping[str, str]
    lists: Mapping[str, str] | None


@dataclass
class Decision:
    """samples: of each side, sorted by name; left_out: good images that are on neither list."""

    samples: dict[str, list[Entry]]
    findings: list[Finding]
    left_out: int = 0
    classes: set[str] = field(default_factory=set)


def decide(facts: Facts, checker: Checker, sides: Split) -> Decision:
    """Pair, check, find copies and split; UserError where the lists of the split cannot be followed."""
    samples = _samples(facts, checker)
    decision = Decision({split.TRAIN: [], split.EVAL: []}, checker.findings)
    if sides.lists is not None:
        side_of = split.from_lists(sides.lists, facts.names)
        used = _without_copies([sample for sample in samples if sample.name in side_of], checker)
        decision.left_out = sum(sample.name not in side_of for sample in samples)
    else:
        used = _without_copies(samples, checker)
        side_of = split.draw(used, sides.eval_fraction, sides.seed, sides.known, sides.known_bytes)
    evaluated = {sample.sha256: sample.name for sample in used if side_of[sample.name] == split.EVAL}
    for sample in used:
        side = side_of[sample.name]
        if side == split.TRAIN and sample.sha256 in evaluated:
            detail = f"{evaluated[sample.sha256]}, an evaluation image, has the same bytes"
            if checker.report(sample.name, "duplicate_across_split", detail) == DROP_IMAGE:
                continue
        decision.samples[side].append(sample)
    used = [sample for samples in decision.samples.values() for sample in samples]
    decision.classes = set().union(*{sample.classes for sample in used})
    _report_similar_classes(decision, checker)
    return decision


def _samples(facts: Facts, checker: Checker) -> list[Entry]:
    """The samples that pairing and checking leave, sorted by name."""
    stated = ["" if isinstance(said, str) else said.filename for said in facts.annotations]
    found = pairing.match(facts.images, facts.xmls, stated, facts.parallel)
    dropped = _report_pairs(facts, found, checker)
    samples = []
    for index in sorted(range(len(facts.images)), key=facts.names.__getitem__):
        name, xml = facts.names[index], found.xml[index]
        keep = index not in dropped
        if index in found.namesakes:
            detail = f"{facts.names[found.namesakes[index]]} has the same name"
            keep &= checker.report(name, "same_name", detail) != DROP_IMAGE
        annotation: AnnotationFacts | str | None = None
        label = ""
        if xml is None:
            detail = "no XML names it or is named as it is"
            keep &= checker.report(name, "image_without_xml", detail) == KEEP
            if not keep:
                continue
        else:
            annotation, label = facts.annotations[xml], facts.xmls[xml].relative
            if isinstance(annotation, str):
                checker.report(label, "xml_malformed", annotation)
                keep, annotation = False, None
        sample = checker.sample(name, facts.images[index].path, facts.image_facts[index], annotation, label)
        if sample is not None and keep:
            samples.append(sample)
    return samples


def _report_pairs(facts: Facts, found: pairing.Pairs, checker: Checker) -> set[int]:
    """Report what pairing could not resolve; the images that are to be left out for it."""
    dropped = set()
    for xml in found.orphans:
        said = facts.annotations[xml]
        if isinstance(said, str):
            checker.report(facts.xmls[xml].relative, "xml_malformed", said)
        named = (
            f"<filename> is {said.filename}" if isinstance(said, AnnotationFacts) and said.filename else "no <filename>"
        )
        detail = f"{named}; no image has that name or is named as the XML"
        checker.report(facts.xmls[xml].relative, "xml_without_image", detail)
    for xml, candidates in found.ambiguous.items():
        shown = ", ".join(facts.names[index] for index in candidates[:4])
        checker.report(facts.xmls[xml].relative, "xml_ambiguous", f"it may belong to {shown}")
    for xml, image in found.twice.items():
        taken = found.xml[image]
        detail = f"it names {facts.names[image]}, to which {facts.xmls[taken].relative} belongs"
        action = ""
        differ = _content(facts.annotations[xml]) != _content(facts.annotations[taken])
        if checker.policies["xml_twice"] == FIX and image in found.unsettled and differ:
            action, detail = DROP_IMAGE, f"it and {facts.xmls[taken].relative} both name {facts.names[image]}"
        if checker.report(facts.xmls[xml].relative, "xml_twice", detail, action=action) == DROP_IMAGE:
            dropped.add(image)
    return dropped


def _content(said: AnnotationFacts | str) -> object:
    return said if isinstance(said, str) else boxes_from_json(said.boxes)


def _without_copies(samples: Sequence[Entry], checker: Checker) -> list[Entry]:
    """Report images with the bytes of another, and leave them out where the policy says so."""
    first: dict[str, Entry] = {}
    result = []
    for sample in samples:
        other = first.setdefault(sample.sha256, sample)
        if other is not sample:
            same = Counter(boxes_from_json(sample.boxes)) == Counter(boxes_from_json(other.boxes))
            defect = "duplicate_same_boxes" if same else "duplicate_other_boxes"
            if checker.report(sample.name, defect, f"its bytes are those of {other.name}") == DROP_IMAGE:
                continue
        result.append(sample)
    return result


def _report_similar_classes(decision: Decision, checker: Checker) -> None:
    """Report names that a typing mistake may have made two of one, at the first image of the rarer."""
    alike: dict[str, list[str]] = defaultdict(list)
    for name in sorted(decision.classes):
        alike[re.sub(r"[\W_]+", "", name.casefold()) or name].append(name)
    groups = [names for names in alike.values() if len(names) > 1]
    if not groups or checker.known is not None:
        return
    used = [sample for samples in decision.samples.values() for sample in samples]
    count = Counter(name for sample in used for name in sample.classes)
    for names in groups:
        common, *others = sorted(names, key=lambda name: (-count[name], name))
        for name in others:
            where = min(sample.name for sample in used if name in sample.classes)
            detail = f"'{name}' ({count[name]} boxes) and '{common}' ({count[common]} boxes)"
            checker.report(where, "class_similar", detail)
