"""`boxwright convert SOURCE TARGET --to FORMAT`: write annotations in another format."""

from argparse import ArgumentParser, Namespace

from boxwright.catalog import formats
from boxwright.cli import status
from boxwright.core.wording import printable
from boxwright.dataset import convert

HELP = "write annotations in another format"
DESCRIPTION = (
    "Read annotations in any format of docs/formats.md and write them in another one, with every box that the checks "
    "accept. It reports what was changed and what the target format cannot express."
)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help="the file or folder of the annotations")
    parser.add_argument("target", metavar="TARGET", help="a new folder for the converted annotations")
    parser.add_argument("--to", required=True, choices=sorted(convert.TARGETS), help="the format to write")
    parser.add_argument(
        "--images", nargs="+", metavar="DIR", default=[], help="folders of the images (default: the source's folder)"
    )
    parser.add_argument(
        "--format", choices=sorted(formats.by_key()), default=formats.AUTO, help="the format of the source"
    )


def run(given: Namespace) -> int:
    """Convert annotations and print what was done."""
    return status.of(
        lambda: print(printable(convert.convert(given.source, given.target, given.to, given.images, given.format)))
    )
