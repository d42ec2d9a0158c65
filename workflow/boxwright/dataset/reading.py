"""Reads many files of a data set, each as one line of facts, in several processes if that is faster.

The processes are started by `core.processes`. What most of them never need is imported only where it is used, so that
they start in a third of the time.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import starmap
from pathlib import Path
from queue import Empty, SimpleQueue

from boxwright.catalog import formats
from boxwright.core import parts, processes
from boxwright.dataset import annotation_facts, image_facts

# Kinds of work: an image's headers; its headers and pixels; and each with kinds of `contents` ("image+fingerprint").
# Every other kind is an annotation and has the keys of the formats that it may be in ("voc", "voc|cvat"). Behind an
# annotation's path are those of the files that explain it.
IMAGE, DECODED = "image", "decoded"
AND = "+"
# Between the facts and the texts of `contents`.
THEN = "\1"

_CHUNK = 256
# With fewer files than this, starting processes takes longer than it saves.
_WORTHWHILE = {IMAGE: 4000, DECODED: 200, AND: 400}
_WORTHWHILE_ANNOTATIONS = 4000
_MAX_PROCESSES = 16
# JSON contains no control characters, so one can separate the facts of two files.
_BETWEEN = "\0"


def inspect(work: Sequence[tuple[str, ...]], label: str = "") -> list[str]:
    """Read files, given as (kind, path, ...); return the facts of each, a line of `image_facts` or `annotation_facts`.

    Behind an image's facts are the texts of the further kinds that were asked for.
    """
    _beside.cache_clear()
    _kept_bytes.cache_clear()
    kinds = {kind for kind, *_ in work}
    least = [_WORTHWHILE[AND] if AND in kind else _WORTHWHILE.get(kind, _WORTHWHILE_ANNOTATIONS) for kind in kinds]
    if len(work) < min(least, default=1):
        return _inspect_all(work)
    from boxwright.console.progress import track

    starts = range(0, len(work), _CHUNK)
    chunks = [work[start : start + _CHUNK] for start in starts]
    workers = min(processes.processors(), _MAX_PROCESSES, len(chunks))
    done = _inspect_in_processes(chunks, workers) if workers > 1 else enumerate(map(_inspect_all, chunks))
    said = [""] * len(work)
    for number, lines in track(done, total=len(work), label=label, unit="files", size=lambda one: len(one[1])):
        said[starts[number] : starts[number] + len(lines)] = lines
    return said


def _inspect_all(work: Iterable[tuple[str, ...]]) -> list[str]:
    """The facts of some files in their order."""
    return list(starmap(_line, work))


def _line(kind: str, path: str, *beside: str) -> str:
    kind, *more = kind.split(AND)
    try:
        if (about := formats.by_key().get(kind)) and about.holds_images:
            with Path(path).open("rb") as file:
                return annotation_facts.line(file, kind, *_explained(path, beside))
        data = parts.read(path)
    except OSError as error:
        facts = image_facts if kind in (IMAGE, DECODED) else annotation_facts
        return THEN.join([facts.unreadable(f"it cannot be opened ({error.strerror})"), *("" for _ in more)])
    if kind in (IMAGE, DECODED):
        return THEN.join([image_facts.line(data, kind == DECODED), *_contents(data, more)])
    return annotation_facts.line(data, kind, *_explained(path, beside))


def _explained(path: str, others: Sequence[str]) -> tuple[Mapping[str, bytes], str]:
    """What explains an annotation, and its name."""
    folder, _, name = path.rpartition("/")
    return _beside(folder or ".", others) if others else {}, name


@lru_cache(maxsize=1024)
def _beside(folder: str, others: Sequence[str]) -> Mapping[str, bytes]:
    """The bytes of the files that explain those of a folder, by their paths from there."""
    return {os.path.relpath(other, folder): _kept_bytes(other) for other in others}


@lru_cache(maxsize=64)
def _kept_bytes(path: str) -> bytes:
    """The bytes of a file that explains many others; none if it cannot be read."""
    try:
        return parts.read(path)
    except OSError:
        return b""


def _contents(data: bytes, kinds: Sequence[str]) -> list[str]:
    """The texts of kinds of `contents`."""
    if not kinds:
        return []
    from boxwright.dataset import contents  # the others start faster without it

    return [contents.KINDS[kind].text(data) for kind in kinds]


def _inspect_in_processes(chunks: Sequence[Sequence[tuple[str, ...]]], workers: int) -> Iterator[tuple[int, list[str]]]:
    """The number of each chunk with its facts, in any order."""
    waiting: SimpleQueue = SimpleQueue()
    finished: SimpleQueue = SimpleQueue()
    for numbered in enumerate(chunks):
        waiting.put(numbered)
    # Each process computes on one core, so the mathematics needs no threads of its own.
    command, environment = processes.command(__name__), processes.environment(OPENBLAS_NUM_THREADS="1")

    def drive() -> None:
        """Hand one process a chunk at a time, until none is left."""
        try:
            pipe = subprocess.PIPE
            with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment) as process:
                while True:
                    number, chunk = waiting.get_nowait()
                    process.stdin.write(json.dumps(chunk).encode() + b"\n")
                    process.stdin.flush()
                    answer = process.stdout.readline()
                    if not answer:
                        raise EOFError
                    finished.put((number, answer[:-1].decode("ascii").split(_BETWEEN)))
        except Empty:
            pass
        except BaseException as error:
            finished.put(error)

    with ThreadPoolExecutor(workers) as pool:
        for _ in range(workers):
            pool.submit(drive)
        try:
            for _ in chunks:
                result = finished.get()
                if isinstance(result, BaseException):
                    raise RuntimeError("a process that reads the data set ended early") from result
                yield result
        finally:
            while not waiting.empty():
                waiting.get_nowait()


def main() -> None:
    """Read lines with a JSON list of (kind, path, ...), print a line of facts for each, until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupted plan closes the input
    for line in sys.stdin:
        print(_BETWEEN.join(_inspect_all(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
