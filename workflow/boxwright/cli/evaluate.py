"""`boxwright evaluate DETECTOR ...`: measure an exported detector on annotated images."""

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path

from boxwright.cli import status
from boxwright.core import disk

HELP = "measure an exported detector on annotated images"
DESCRIPTION = (
    "Measure any exported detector on any annotated images, without training. Annotations are checked as before a "
    "training, with every policy at its default."
)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("detector", metavar="DETECTOR", help="the folder fine_tuned_model, or a file or folder in it")
    parser.add_argument(
        "--images", required=True, nargs="+", metavar="DIR", help="folders of the images, searched recursively"
    )
    parser.add_argument(
        "--annotations",
        required=True,
        nargs="+",
        metavar="PATH",
        help="files or folders of the annotations, in any format of docs/formats.md",
    )
    parser.add_argument("--out", metavar="DIR", help="a new folder for metrics, analysis, detections and figures")


def run(given: Namespace) -> int:
    """Measure the detector and print what was found; write all results to a folder if one is given."""
    return status.of(lambda: _evaluate(given))


def _evaluate(given: Namespace) -> None:
    # What only this command needs would make the others slow.
    from boxwright.console import job
    from boxwright.evaluation import any_images, exported
    from boxwright.evaluation.table import table
    from boxwright.report import folder
    from boxwright.runtimes import find

    if given.out:
        disk.require_new_folder(given.out)
    detector = find.find(given.detector)
    prepared = any_images.prepare(detector, given.images, given.annotations)
    print("\n".join([prepared.passed.text(), *prepared.notes]), flush=True)
    with Path(os.devnull).open("w") as nowhere:
        job.import_tensorflow(nowhere)
    evaluation = prepared.measure(detector)
    result = exported.content(evaluation, {"detector": str(detector.path), "form": detector.form.name})
    subject = f"the {detector.form.title} {detector.path}"
    print("\n" + table(result, evaluation.measured.analysis, subject[:1].upper() + subject[1:]))
    if given.out:
        folder.write(given.out, prepared, evaluation, result, subject)
        print(f"\nThe results are in {given.out}; the figures are in {Path(given.out) / 'figures'}.")
