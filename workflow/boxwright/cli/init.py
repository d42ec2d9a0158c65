"""`boxwright init FOLDER`: write a configuration for a folder of annotated images."""

from argparse import ArgumentParser, Namespace

from boxwright.cli import status
from boxwright.core.wording import printable
from boxwright.run import init

HELP = "write a configuration for a folder of annotated images"
DESCRIPTION = (
    "Look at the images and annotations in a folder, in any format of docs/formats.md, and write a configuration that "
    "runs, with the reasons for each choice. It asks no questions, and you may edit the result."
)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("folder", metavar="FOLDER", help="the folder of the images and their annotations")
    parser.add_argument("--out", metavar="FILE", default="my.yaml", help="the file to write (default: my.yaml)")
    parser.add_argument("--keep", action="store_true", help="keep FILE if it is there already, for images in FOLDER")


def run(given: Namespace) -> int:
    """Write a configuration for the images in a folder, and print what was found."""
    return status.of(lambda: print(printable(init.write(given.folder, given.out, keep=given.keep))))
