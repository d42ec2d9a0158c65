"""Progress of long work: a bar with the time left on a terminal, a few plain lines elsewhere."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")

# Seconds between two plain lines where there is no terminal: a log stays readable.
PLAIN_INTERVAL_S = 30.0


def say(text: str) -> None:
    """Print one message for the person who watches, on standard error, above a bar if one is drawn."""
    tqdm.write(text, file=sys.stderr)


def track(iterable: Iterable[T], total: int | None = None, label: str = "", unit: str = "it") -> Iterator[T]:
    """Yield the items of `iterable` and show how far it is.

    `total` is the number of items (taken from the iterable's length when it has one), `label` what is being done,
    `unit` what is counted.
    """
    if total is None and hasattr(iterable, "__len__"):
        total = len(iterable)
    if sys.stderr.isatty():
        yield from tqdm(iterable, total=total, desc=label, unit=f" {unit}", file=sys.stderr, dynamic_ncols=True)
        return
    start = last = time.monotonic()
    for done, item in enumerate(iterable):
        yield item
        now = time.monotonic()
        if now - last >= PLAIN_INTERVAL_S:
            last = now
            rate = (done + 1) / (now - start)
            left = "" if total is None else f" of {total}, {(total - done - 1) / rate:.0f} s left"
            print(f"{label}: {done + 1}{left} ({rate:.1f} {unit}/s)", file=sys.stderr, flush=True)
