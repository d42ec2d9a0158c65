"""A job that a run will do, as Snakemake plans it, for those that say so in words."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

# Why Snakemake plans a job.
MISSING = "its result does not exist"
CHANGED = "its result was made with something else"
UPSTREAM = "what it is made from is made again"
FORCED = "it was asked for, or waits for a decision of this run"
DAMAGED = "its result is damaged"
UNKNOWN = "nothing tells what its result was made with"


class Planned(NamedTuple):
    """A job that will run.

    number: Snakemake's. rule: the name of its script without the ending; its own name without a script. outputs: the
    paths of its results. identity: that of its rule (`run.identities`); None if it has none. cause: one of the causes
    above. benchmark: the file in which Snakemake keeps its time; "" if there is none.
    """

    number: int
    rule: str
    wildcards: Mapping[str, str]
    outputs: Sequence[str]
    identity: Any
    cause: str
    benchmark: str = ""
