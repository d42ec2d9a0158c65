"""All that reaches into Snakemake's internals: what kind of process this is, which jobs run, what the terminal shows.

None of it is promised by Snakemake, so it is held to the versions that it was tried with. Nothing else in the library
or in the rules knows more of Snakemake than its documentation says.
"""

from importlib.metadata import version

from boxwright.core.errors import UserError

TRIED = ("9.27.0", "9.27.1")


def require_tried(found: str | None = None) -> None:
    """Raise UserError where the installed Snakemake (or the version `found`) is none of those tried."""
    found = found or version("snakemake")
    if found not in TRIED:
        raise UserError(
            f"Snakemake {found} is installed, and boxwright was tried with {' and '.join(TRIED)} alone: `make env` "
            f"installs the right one, in another environment `pip install snakemake=={TRIED[-1]}` does."
        )
