"""What one file says about itself: its hash, its headers, its annotation, as one line of JSON that can be kept.

`inspect` reads many files; when they are many, processes of their own (`python -m boxwright.annotations.facts`) share
the work. They are plain subprocesses, because the plan is made inside Snakemake, whose process must not be forked and
whose main module must not be imported again. They start in a third of the time without what most of them never need,
which is therefore imported where it is used.
"""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple

from boxwright.annotations import voc
from boxwright.annotations.headers import ImageInfo, probe
from boxwright.annotations.model import Box
from boxwright.annotations.voc import Annotation
from boxwright.errors import UserError

# Kinds of work: an image's headers, the same and its pixels, an annotation.
IMAGE, DECODED, ANNOTATION = "image", "decoded", "annotation"

_CHUNK = 256
# Below these numbers of files starting processes takes longer than it saves.
_WORTHWHILE = {IMAGE: 4000, DECODED: 200, ANNOTATION: 4000}
_MAX_PROCESSES = 16


class ImageFacts(NamedTuple):
    """sha256: of the bytes; info: the headers; undecodable: why the pixels fail, "" if they do not, None if unknown."""

    sha256: str
    info: ImageInfo
    undecodable: str | None


def images_from_json(lines: Sequence[str]) -> list[ImageFacts]:
    """The facts of many images."""
    # Most images of a data set have the same headers but for their size: each kind is made once.
    kinds: dict[tuple, ImageInfo] = {}
    found = []
    for sha256, info, undecodable in _load_all(lines):
        key = tuple(info)
        found.append(ImageFacts(sha256, kinds.get(key) or kinds.setdefault(key, ImageInfo(*key)), undecodable))
    return found


def annotations_from_json(lines: Sequence[str]) -> list[Annotation | str]:
    """Many annotations, or why there is none."""
    box = Box._make
    return [
        said if isinstance(said, str) else Annotation(said[0], said[1], said[2], tuple(map(box, said[3])))
        for said in _load_all(lines)
    ]


def _load_all(lines: Sequence[str]) -> Iterator:
    """The values of many lines of JSON: one call for each line would take twice as long."""
    for start in range(0, len(lines), _CHUNK):
        yield from json.loads(f"[{','.join(lines[start : start + _CHUNK])}]")


def inspect(work: Sequence[tuple[str, str]], label: str = "") -> Iterator[tuple[str, str]]:
    """Read files, given as (kind, path); yields (path, facts as JSON), in any order."""
    if not work:
        return
    from boxwright.progress import track

    chunks = [work[start : start + _CHUNK] for start in range(0, len(work), _CHUNK)]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    processes = min(cores, _MAX_PROCESSES, len(chunks))
    if len(work) < min(_WORTHWHILE[kind] for kind in {kind for kind, _ in work}):
        yield from _inspect_all(work)
        return
    done = _inspect_in_processes(chunks, processes) if processes > 1 else map(_inspect_all, chunks)
    yield from track((line for lines in done for line in lines), total=len(work), label=label, unit="files")


def image_facts(path: str, decode: bool) -> str:
    """ImageFacts of a file as JSON; a file that cannot be opened has its problem in them."""
    try:
        data = _bytes(path)
    except OSError as error:
        return _dump(["", ImageInfo(problem=f"it cannot be opened ({error.strerror})"), None])
    info = probe(data)
    undecodable = None
    if decode and not info.problem:
        from boxwright.annotations import images

        try:
            images.load_rgb(data)
            undecodable = ""
        except UserError as error:
            undecodable = str(error).removeprefix("the image cannot be decoded: ").partition(". ")[0]
    return _dump([hashlib.sha256(data).hexdigest(), info, undecodable])


def annotation_facts(path: str) -> str:
    """An annotation as JSON, or the reason why it cannot be read as a JSON string."""
    try:
        stated = voc.read(_bytes(path))
    except OSError as error:
        return _dump(f"it cannot be opened ({error.strerror})")
    except UserError as error:
        return _dump(str(error).removeprefix("the annotation is "))
    return _dump([stated.filename, stated.width, stated.height, stated.boxes])


def _inspect_all(work: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [
        (path, annotation_facts(path) if kind == ANNOTATION else image_facts(path, decode=kind == DECODED))
        for kind, path in work
    ]


def _inspect_in_processes(chunks: Sequence[Sequence[tuple[str, str]]], processes: int) -> Iterator[list]:
    waiting: SimpleQueue = SimpleQueue()
    finished: SimpleQueue = SimpleQueue()
    for chunk in chunks:
        waiting.put(chunk)
    library = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([library, os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", __name__]

    def drive() -> None:
        """Hand one process a chunk at a time, until none waits."""
        try:
            pipe = subprocess.PIPE
            with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment) as process:
                while True:
                    process.stdin.write(_dump(waiting.get_nowait()).encode() + b"\n")
                    process.stdin.flush()
                    finished.put(json.loads(process.stdout.readline()))
        except Empty:
            pass
        except BaseException as error:
            finished.put(error)

    with ThreadPoolExecutor(processes) as pool:
        for _ in range(processes):
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


def _bytes(path: str) -> bytes:
    # half the time of Path.read_bytes, which counts with small files
    with io.FileIO(path) as file:
        return file.readall()


_dump = json.JSONEncoder(separators=(",", ":")).encode


def main() -> None:
    """A line with a JSON list of (kind, path) in, a line with their facts out, until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupted plan closes the input
    for line in sys.stdin:
        print(_dump(_inspect_all(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
