"""`boxwright benchmark DETECTOR`: show size and speed of an exported detector's forms on this machine."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from boxwright.cli import status
from boxwright.core.errors import UserError

HELP = "show accuracy, size and speed of an exported detector's forms on this machine"
DESCRIPTION = (
    "Measure each form of a detector with its own runtime on the CPU: megabytes, and milliseconds for an image as "
    "median (and quartiles) with 1 and 2 threads, after a warm-up; with the mAP that the run which made it measured."
)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("detector", metavar="DETECTOR", help="the folder fine_tuned_model, or one form in it")
    parser.add_argument("images", nargs="*", metavar="IMAGES", help="images to measure on; without any, a drawn one")


def run(given: Namespace) -> int:
    """Print size and speed of the forms of a detector, on some images."""
    return status.of(lambda: _benchmark(given))


def _benchmark(given: Namespace) -> None:
    from boxwright.export import benchmark, predict, sources
    from boxwright.runtimes import find

    detector = find.find(given.detector)
    images = predict.readable(sources.images(given.images)) if given.images else []
    alone = detector.label_map.parent != Path(given.detector)
    measured = benchmark.run(detector, alone, images)
    problems = [one.problem for one in measured if one.problem]
    if len(measured) > len(problems):
        print(benchmark.table(measured), flush=True)
    elif not measured:
        raise UserError(
            f"There is no form to measure at {given.detector}. The checkpoint is for the engine; `export.forms` in a "
            "run's configuration names the forms that others run."
        )
    if problems:
        raise UserError("\n".join(problems))
