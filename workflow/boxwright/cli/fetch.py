"""`boxwright fetch NAME ...`: download detectors of the model zoo."""

from argparse import ArgumentParser, Namespace

from boxwright.cli import status
from boxwright.zoo import catalogue, fetch

HELP = "download detectors of the model zoo"
DESCRIPTION = "Download detectors of the model zoo into resources/zoo below this folder, check and unpack them."


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("names", nargs="+", metavar="NAME", help="as `make models` lists it")
    parser.add_argument(
        "--trust",
        action="store_true",
        help="accept archives without a known checksum even from servers without encryption or a valid certificate",
    )


def run(given: Namespace) -> int:
    """Fetch detectors one after the other; no download starts when a name is unknown."""

    def download() -> None:
        for entry in [catalogue.find(name) for name in given.names]:
            print(fetch.fetch(entry, given.trust))

    kept = "Interrupted. The partial download is kept; the next attempt continues from there."
    return status.of(download, interrupted=kept)
