"""`boxwright convert SOURCE TARGET --to FORMAT`: write annotations in another format."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterable

from boxwright.catalog import formats
from boxwright.cli import status
from boxwright.core.wording import did_you_mean, printable
from boxwright.dataset import convert

HELP = "write annotations in another format"
DESCRIPTION = (
    "Read annotations in any format of docs/formats.md and write them in another one, with every box that the checks "
    "accept. It reports what was changed and what the target format cannot express."
)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help="the file or folder of the annotations")
    parser.add_argument("target", metavar="TARGET", help="a new folder for the converted annotations")
    parser.add_argument(
        "--to", required=True, type=_target, metavar=_choice(convert.TARGETS), help="the format to write"
    )
    parser.add_argument(
        "--images", nargs="+", metavar="DIR", default=[], help="folders of the images (default: the source's folder)"
    )
    parser.add_argument(
        "--format",
        type=_format,
        metavar="KEY",
        default=formats.AUTO,
        help="the format of the source, by its key in docs/formats.md (default: it is recognised)",
    )


def _choice(keys: Iterable[str]) -> str:
    return f"{{{','.join(sorted(keys))}}}"


def _target(given: str) -> str:
    if given in convert.TARGETS:
        return given
    meant = [key for key in formats.meant(given) if key in convert.TARGETS]
    raise ArgumentTypeError(f"{given} is none of its formats; {did_you_mean(*meant[:1] or [given], convert.TARGETS)}")


def _format(given: str) -> str:
    if given in (formats.AUTO, *formats.by_key()):
        return given
    raise ArgumentTypeError(f"{given} is no format; {formats.did_you_mean(given)}")


def run(given: Namespace) -> int:
    """Convert annotations and print what was done."""
    return status.of(
        lambda: print(printable(convert.convert(given.source, given.target, given.to, given.images, given.format)))
    )
