"""`boxwright run`: train, measure, export and report."""

from argparse import ArgumentParser, Namespace

from boxwright.cli import status
from boxwright.run import launch

HELP = "train, measure, export and report"
DESCRIPTION = (
    "Run the workflow and write its report. All other options and targets go to Snakemake: -n shows what would be done."
)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--configfile", metavar="FILE", help="the configuration (default: the demo)")
    parser.add_argument("--cores", metavar="N", default="all", help="processors to use (default: all)")


def run(given: Namespace) -> int:
    """Run the workflow; `given.others` are the options for Snakemake."""
    return status.of(lambda: _run(given))


def _run(given: Namespace) -> int:
    # Loading Snakemake takes a second, so its options are looked up only where there are unusual ones.
    if long := [one for one in given.others if one.startswith("--") and one != "--" and one not in launch.DRY]:
        from boxwright.snakemake_internals import options

        options.check(long)
    return launch.run(given.configfile, given.cores, given.others)
