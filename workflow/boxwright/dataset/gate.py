"""The gate that annotated images pass, here without a plan, a split and a memory: for one look at any images.

Pairing, checks and policies are those of a run (`plan`), which also remembers what it read and decided.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from boxwright.catalog import formats
from boxwright.core import parts
from boxwright.core.errors import UserError
from boxwright.core.wording import few, plural
from boxwright.dataset import (
    annotation_facts,
    contents,
    defects,
    foreign,
    image_facts,
    meant,
    memory,
    pairing,
    scan,
    sources,
    summary,
)
from boxwright.dataset.checks import Checker
from boxwright.dataset.decide import Found, Split, decide
from boxwright.dataset.samples import PlannedSample
from boxwright.dataset.split import EVAL
from boxwright.images import loader

_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


class Passed(NamedTuple):
    """The samples that passed, sorted by name; all cases that the checks found; the numbers of files found.

    told: sentences about the formats that were recognised. sides: by image, the side of the split that the source
    states, "" if none, where that was asked for. named: sentences about the files with the names of the classes.
    """

    samples: list[PlannedSample]
    cases: list[defects.Case]
    images: int
    annotations: int
    told: Sequence[str] = ()
    sides: Mapping[str, str] = MappingProxyType({})
    named: Sequence[str] = ()

    def text(self) -> str:
        """How many files were found and used, and each kind of defect with what was done about it."""
        found = f"{plural(self.images, 'image')}, {plural(self.annotations, 'annotation')}"
        lines = [f"{found}; {plural(len(self.samples), 'image is', 'images are')} used."]
        return "\n".join([*lines, *self.named, *summary.of_cases(self.cases, adjustable=False)])


def check(
    images: Sequence[str],
    annotations: Sequence[str],
    key: str = formats.AUTO,
    policies: Mapping[str, str] = MappingProxyType({}),
    *,
    asks_sides: bool = False,
    options: Mapping[str, str] = MappingProxyType({}),
) -> Passed:
    """The samples in some folders of images and of annotations, whose format has this key.

    asks_sides: whether to find out which sides of a split the source states. options: those of the command that asks
    which name folders of "images" and the "format", if it has them.

    Every policy is at its default but those that are given. Class names are those of the annotations. Raises UserError
    if a folder is missing, if there is no image or no annotation, for defects whose policy is `fail`, and if no sample
    is left.
    """
    require_places(images, annotations)
    of = [sources.Source(tuple(images), tuple(annotations), key)]
    found_images, listed = places = sources.listings(of)
    texts, told = sources.recognise(of, listed, options.get("format", ""))
    if not sources.hold_images(texts):
        require_images(*places, len(found_images), 0, options.get("images", ""))
    if not texts:
        remedy = "Name the folder that has them, or annotate the images first"
        raise UserError(summary.no_annotations(annotations, remedy, meant.described(listed.files())))
    found, drawn, _ = read(
        found_images,
        texts,
        memory.Memory(None),
        contents.Contents(Path(), ()),
        parallel=len(images) == len(annotations),
    )
    require_images(*places, len(found.images), len(drawn), options.get("images", ""))
    checker = Checker(defects.policies(policies), flags=True)
    # Whatever is known to be on the evaluation side stays there.
    decision = decide(found, checker, Split(0.0, 0, dict.fromkeys(found.names, EVAL), {}, {}, asks=asks_sides))
    report_foreign(checker, *places, texts)
    refused = [case for case in decision.cases if case.action == defects.FAIL]
    if refused:
        raise UserError(summary.refusal(refused, [*images, *annotations], decision.annotations, adjustable=False))
    samples = decision.samples[EVAL]
    if not samples:
        unread = summary.is_unread(decision.cases)
        because = "\n".join(["", *summary.of_cases(decision.cases, unread=unread, adjustable=False)])
        there = f"{plural(len(found.images), 'image')} and {plural(decision.annotations, 'annotation')}"
        raise UserError(f"No image is left of {there}.{because}")
    counts = len(found.images), decision.annotations
    return Passed(samples, decision.cases, *counts, told, decision.stated, decision.named)


def require_places(images: Sequence[str], annotations: Sequence[str] = ()) -> None:
    """Raise UserError with all folders of images that are none, and all places of annotations that are not there."""
    mistakes = [_no_folder(one) for one in images if not one or not Path(one).is_dir()]
    others = [one for one in annotations if one not in images]
    mistakes += [f"{one or 'The empty path'} does not exist." for one in others if not one or not Path(one).exists()]
    if mistakes:
        raise UserError("\n".join([*mistakes, f"Relative paths start at {Path.cwd()}."]))


def _no_folder(given: str) -> str:
    """Why a path is no folder of images, a sentence."""
    if given and _is_packed(Path(given)):
        return f"{given} is packed; unpack it and give the folder."
    if given and Path(given).exists():
        return f"{given} is a file; give the folder that holds it."
    return f"The folder {given or 'with the empty name'} does not exist."


def read(
    images: scan.Listing,
    annotations: Sequence[sources.Annotated],
    recollection: memory.Memory,
    seen: contents.Contents,
    *,
    decode: bool = False,
    parallel: bool = False,
    of: Sequence[sources.Source] = (),
) -> tuple[Found, list[image_facts.ImageFacts], bool]:
    """The files and their facts, without images on which we drew boxes; the facts of those; whether the memory changed.

    Only files that the recollection does not know are read. parallel: as `Found` has it; of: the sources, if several.
    """
    files, label = images.files(), "Reading the data set"
    of_images, of_texts, changed = recollection.recall(files, annotations, decode, label, seen)
    said = annotation_facts.said(of_texts)
    embedded = list(_embedded(annotations, said, len(images.folders)))
    folders = list(images.folders)
    folders += [one.file.path.rpartition(".")[0] for one in annotations] if embedded else []
    if embedded:
        of_embedded, _, more = recollection.recall([file for _, file in embedded], (), decode, label, seen)
        changed |= more
        of_images += of_embedded
    elif not files and sources.hold_images(annotations):
        unread = zip(annotations, said, strict=True)
        unread = [f"{one.file.path}: {why}" for one, why in unread if isinstance(why, annotation_facts.Unread)]
        if unread:
            raise UserError("\n".join(["There is no image, and these files cannot be read:", *unread]))
    facts = image_facts.said(of_images)
    own = [None] * len(files) + [place for place, _ in embedded]
    files += [file for _, file in embedded]
    drawn = [one for one in facts if one.drawn]
    if drawn:
        kept = [place for place, one in enumerate(facts) if not one.drawn]
        files, facts, own = ([values[place] for place in kept] for values in (files, facts, own))
    found = Found(
        files,
        pairing.names(files, folders),
        facts,
        annotations,
        said,
        parallel,
        {place: image for image, place in enumerate(own) if place is not None},
        sources.images_of(of, files),
    )
    return found, drawn, changed


def _embedded(
    annotations: Sequence[sources.Annotated],
    said: Sequence[annotation_facts.FileFacts | annotation_facts.Unread],
    first: int,
) -> Iterator[tuple[tuple[int, int], scan.File]]:
    """The images in annotation files: each with the numbers of its file and of its statement, as a file of its own.

    first: the number of the first file as a folder of images.
    """
    for number, (one, statements) in enumerate(zip(annotations, said, strict=True)):
        for place, statement in enumerate(() if isinstance(statements, annotation_facts.Unread) else statements):
            if statement.embedded:
                path = parts.path_of(one.file.path, *statement.embedded)
                name = "/".join(
                    part for part in statement.image.replace("\\", "/").split("/") if part not in ("", ".", "..")
                )
                yield (number, place), scan.File(first + number, name, path, one.file.stamp)


def passed_over(images: scan.Listing, annotations: scan.Listing, drawn: int) -> str:
    """A sentence about the files that no sample is made of: results, and `drawn` images on which we drew boxes."""
    passed = images.passed.keys() | annotations.passed.keys()
    numbers = [sum(one.passed.values()) for one in (images, annotations)]
    kinds = [plural(number, noun) for number, noun in zip(numbers, ("image", "annotation"), strict=True) if number]
    told = [f"{' and '.join(kinds)} in {few(sorted(passed))}"] if kinds else []
    told += [f"{plural(drawn, 'image')} on which boxwright drew boxes"] if drawn else []
    return f"Results of a run are not part of the data set and were passed over: {'; '.join(told)}." if told else ""


def require_images(images: scan.Listing, annotations: scan.Listing, number: int, drawn: int, option: str = "") -> None:
    """Raise UserError if no image is left; `number` are, beside `drawn` on which we drew boxes.

    option: of a command, the one that names the folders of images.
    """
    if number:
        return
    passed = passed_over(images, annotations, drawn)
    endings = f": no file name ends in one of {', '.join(loader.EXTENSIONS)}"
    packed = sorted(str(path) for folder in images.folders for path in Path(folder).rglob("*.*") if _is_packed(path))
    advice = f"Unpack {few(packed)}." if packed else f"Give the folders with the images{option and f', with {option}'}."
    others = [folder for folder in annotations.folders if folder not in images.folders and Path(folder).is_dir()]
    if not packed and (swapped := [folder for folder in others if scan.images_below(folder)]):
        advice = f"There are images in {few(swapped)}, where annotations are looked for: are the two swapped?"
    raise UserError(
        f"There is no image in {', '.join(images.folders)}{'' if passed else endings}. {passed}{' ' if passed else ''}"
        f"{advice}"
    )


def _is_packed(path: Path) -> bool:
    return path.suffix.lower() in _ARCHIVES and path.is_file()


def report_foreign(
    checker: Checker,
    images: scan.Listing,
    annotations: scan.Listing,
    read: Sequence[sources.Annotated],
    results: str | None = None,
) -> None:
    """Where images have no annotation, say which files in formats that are not read lie in the folders."""
    if any(case.defect == "image_without_annotation" for case in checker.cases):
        keys = {one.key for one in read} or {formats.VOC.key}
        endings = {ending for key in keys for ending in formats.by_key()[key].endings}
        for file, detail in foreign.look([*images.folders, *annotations.folders], endings, results):
            checker.report(file, "annotation_foreign", detail)
