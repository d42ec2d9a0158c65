"""The gate that annotated images pass, here without a plan, a split and a memory: for one look at any images.

Pairing, checks and policies are those of a run (`plan`), which also remembers what it read and decided.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from boxwright.catalog import formats
from boxwright.core.errors import UserError
from boxwright.dataset import annotation_facts, contents, defects, foreign, image_facts, memory, pairing, scan, summary
from boxwright.dataset.checks import Checker
from boxwright.dataset.decide import Found, Split, decide
from boxwright.dataset.samples import PlannedSample
from boxwright.dataset.split import EVAL
from boxwright.images import loader


class Passed(NamedTuple):
    """The samples that passed, sorted by name; all cases that the checks found; the numbers of files found."""

    samples: list[PlannedSample]
    cases: list[defects.Case]
    images: int
    annotations: int

    def text(self) -> str:
        """How many files were found and used, and each kind of defect with what was done about it."""
        lines = [f"{self.images} images, {self.annotations} annotations; {len(self.samples)} images are used."]
        return "\n".join([*lines, *summary.of_cases(self.cases)])


def check(images: Sequence[str], annotations: Sequence[str]) -> Passed:
    """The samples in some folders of images and of annotations, with every policy at its default.

    Class names are those of the annotations. Raises UserError if a folder is missing, if there is no image or no
    annotation, for defects whose default policy is `fail`, and if no sample is left.
    """
    mistaken = [folder for folder in (*images, *annotations) if not Path(folder).is_dir()]
    if mistaken:
        kind = "is a file; give the folder that holds it" if Path(mistaken[0]).exists() else "does not exist"
        raise UserError(f"The folder {mistaken[0]} {kind} (relative paths start at {Path.cwd()}).")
    places = scan.listings((images, tuple(loader.EXTENSIONS)), (annotations, tuple(formats.by_ending())))
    for what, listing, endings in zip(
        ("image", "annotation"), places, (loader.EXTENSIONS, formats.by_ending()), strict=True
    ):
        if not len(listing):
            raise UserError(
                f"There is no {what} in {', '.join(listing.folders)}: no file name ends in one of {', '.join(endings)}."
            )
    found, _ = read(*places, memory.Memory(None), contents.Contents(Path(), ()))
    checker = Checker(defects.policies({}))
    # Whatever is known to be on the evaluation side stays there.
    decision = decide(found, checker, Split(0.0, 0, dict.fromkeys(found.names, EVAL), {}, {}))
    report_foreign(checker, *places)
    refused = [case for case in decision.cases if case.action == defects.FAIL]
    if refused:
        raise UserError(summary.refusal(refused, [*images, *annotations], decision.annotations, adjustable=False))
    samples = decision.samples[EVAL]
    if not samples:
        because = "\n".join(["", *summary.of_cases(decision.cases)])
        raise UserError(f"No image is left of {len(places[0])} images and {decision.annotations} annotations.{because}")
    return Passed(samples, decision.cases, len(places[0]), decision.annotations)


def read(
    images: scan.Listing,
    annotations: scan.Listing,
    recollection: memory.Memory,
    seen: contents.Contents,
    *,
    decode: bool = False,
) -> tuple[Found, bool]:
    """The files and their facts, and whether the recollection changed; only files that it does not know are read."""
    files = images.files(), annotations.files()
    of_images, of_annotations, changed = recollection.recall(*files, decode, "Reading the data set", seen)
    found = Found(
        files[0],
        pairing.names(files[0], images.folders),
        image_facts.said(of_images),
        files[1],
        annotation_facts.said(of_annotations),
        parallel=len(images.folders) == len(annotations.folders),
    )
    return found, changed


def report_foreign(checker: Checker, images: scan.Listing, annotations: scan.Listing) -> None:
    """Where images have no annotation, say which files in formats that are not read lie in the folders."""
    if any(case.defect == "image_without_annotation" for case in checker.cases):
        for file, detail in foreign.look([*images.folders, *annotations.folders], formats.by_ending()):
            checker.report(file, "annotation_foreign", detail)
