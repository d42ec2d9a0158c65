"""What one file says about itself: its hash, its headers, its annotation, as one line that can be kept.

A line has columns of JSON between tabs. Most files of a data set share what stands in the middle one, which is parsed
once for all that do, and the boxes of sound annotations are never parsed.

`inspect` reads many files; when they are many, processes of their own (`python -m boxwright.dataset.facts`) share
the work. They are plain subprocesses, because the plan is made inside Snakemake, whose process must not be forked and
whose main module must not be imported again. They start in a third of the time without what most of them never need,
which is therefore imported where it is used.
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import repeat
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from boxwright.core.errors import UserError
from boxwright.dataset.formats import voc
from boxwright.dataset.formats.voc import Annotation
from boxwright.dataset.samples import Box, boxes_from_json, boxes_json
from boxwright.images.headers import ImageInfo, probe

# Kinds of work: an image's headers, the same and its pixels, an annotation.
IMAGE, DECODED, ANNOTATION = "image", "decoded", "annotation"

_CHUNK = 256
# Below these numbers of files starting processes takes longer than it saves.
_WORTHWHILE = {IMAGE: 4000, DECODED: 200, ANNOTATION: 4000}
_MAX_PROCESSES = 16
# Bytes that are read at once. JSON has no control character, so one may stand between the facts of two files.
_PART = 1 << 16
_BETWEEN = "\0"

_dump = json.JSONEncoder(separators=(",", ":")).encode
_quote = json.encoder.encode_basestring_ascii


class ImageFacts(NamedTuple):
    """sha256: of the bytes; info: the headers; undecodable: why the pixels fail, "" if they do not, None if unknown."""

    sha256: str
    info: ImageInfo
    undecodable: str | None


class AnnotationFacts(NamedTuple):
    """What `voc.Annotation` says, with the boxes as JSON: few of a large data set are ever looked into.

    sound: whether every box has a class and lies, at least a pixel wide and high, in an image of the stated size.
    classes: of each box.
    """

    filename: str
    width: int
    height: int
    sound: bool
    classes: tuple[str, ...]
    boxes: str

    def stated(self) -> Annotation:
        """The annotation itself."""
        return Annotation(self.filename, self.width, self.height, boxes_from_json(self.boxes))


class _Memo(dict):
    """Remembers what a function gives: most files of a data set have some of their facts in common with others."""

    def __init__(self, function: Callable[[str], Any]) -> None:
        self._function = function

    def __missing__(self, key: str) -> Any:
        value = self[key] = self._function(key)
        return value


def images_said(lines: Iterable[str]) -> list[ImageFacts]:
    """The facts of many images from their lines."""
    infos = _Memo(lambda text: ImageInfo(*json.loads(text)))
    problems = _Memo(json.loads)
    rows = (line.split("\t") for line in lines)
    return [ImageFacts(sha256, infos[info], problems[undecodable]) for sha256, info, undecodable in rows]


def annotations_said(lines: Iterable[str]) -> list[AnnotationFacts | str]:
    """Many annotations from their lines, or why there is none."""
    frames = _Memo(lambda text: tuple(tuple(part) if isinstance(part, list) else part for part in json.loads(text)))
    found: list[AnnotationFacts | str] = []
    for line in lines:
        name, *rest = line.split("\t")
        filename = json.loads(name) if "\\" in name else name[1:-1]
        if rest:
            frame, boxes = rest
            found.append(AnnotationFacts(filename, *frames[frame], boxes))
        else:
            found.append(filename)
    return found


def inspect(work: Sequence[tuple[str, str]], label: str = "") -> list[str]:
    """Read files, given as (kind, path); gives the facts of each as a line for `images_said` or `annotations_said`."""
    if not work or len(work) < min(_WORTHWHILE[kind] for kind in {kind for kind, _ in work}):
        return _inspect_all(work)
    from boxwright.console.progress import track

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    starts = range(0, len(work), _CHUNK)
    chunks = [work[start : start + _CHUNK] for start in starts]
    processes = min(cores, _MAX_PROCESSES, len(chunks))
    done = _inspect_in_processes(chunks, processes) if processes > 1 else enumerate(map(_inspect_all, chunks))
    lines = ((place, line) for number, lines in done for place, line in enumerate(lines, starts[number]))
    said = [""] * len(work)
    for place, line in track(lines, total=len(work), label=label, unit="files"):
        said[place] = line
    return said


def image_facts(path: str, decode: bool) -> str:
    """ImageFacts of a file in columns of JSON; a file that cannot be opened has its problem in them."""
    try:
        data = _bytes(path)
    except OSError as error:
        return f"\t{_dump(ImageInfo(problem=f'it cannot be opened ({error.strerror})'))}\tnull"
    info = probe(data)
    undecodable = None
    if decode and not info.problem:
        from boxwright.images import loader

        try:
            loader.load_rgb(data)
            undecodable = ""
        except UserError as error:
            undecodable = str(error).removeprefix("the image cannot be decoded: ").partition(". ")[0]
    return f"{hashlib.sha256(data).hexdigest()}\t{_info_json(info)}\t{_dump(undecodable)}"


def annotation_facts(path: str) -> str:
    """AnnotationFacts of a file in columns of JSON, or the reason why it cannot be read as a JSON string."""
    try:
        filename, width, height, boxes = voc.read(_bytes(path))
    except OSError as error:
        return _dump(f"it cannot be opened ({error.strerror})")
    except UserError as error:
        return _dump(str(error).removeprefix("the annotation is "))
    sound = all(map(_is_sound, boxes, repeat(width), repeat(height)))
    classes = ",".join([_quote(box.class_name) for box in boxes])
    text = boxes_json(boxes) if sound else _dump(boxes)  # which knows NaN
    return f"{_quote(filename)}\t[{width},{height},{'true' if sound else 'false'},[{classes}]]\t{text}"


def _is_sound(box: Box, width: int, height: int) -> bool:
    """Whether the checks find nothing wrong with a box as it is stated, in an upright image of the stated size."""
    name, xmin, ymin, xmax, ymax, *_ = box
    return name != "" and 0 <= xmin <= xmax - 1 and xmax <= width and 0 <= ymin <= ymax - 1 and ymax <= height


@lru_cache(maxsize=1024)
def _info_json(info: ImageInfo) -> str:
    return _dump(info)


def _inspect_all(work: Iterable[tuple[str, str]]) -> list[str]:
    """The facts of some files in their order."""
    return [annotation_facts(path) if kind == ANNOTATION else image_facts(path, kind == DECODED) for kind, path in work]


def _inspect_in_processes(
    chunks: Sequence[Sequence[tuple[str, str]]], processes: int
) -> Iterator[tuple[int, list[str]]]:
    """The number of each chunk with its facts, in any order."""
    waiting: SimpleQueue = SimpleQueue()
    finished: SimpleQueue = SimpleQueue()
    for numbered in enumerate(chunks):
        waiting.put(numbered)
    library = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([library, os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", __name__]

    def drive() -> None:
        """Hand one process a chunk at a time, until none waits."""
        try:
            pipe = subprocess.PIPE
            with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment) as process:
                while True:
                    number, chunk = waiting.get_nowait()
                    process.stdin.write(_dump(chunk).encode() + b"\n")
                    process.stdin.flush()
                    answer = process.stdout.readline()
                    if not answer:
                        raise EOFError
                    finished.put((number, answer[:-1].decode("ascii").split(_BETWEEN)))
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
    # a third less time than through a file object, which counts with small files
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return b"".join(iter(lambda: os.read(file, _PART), b""))
    finally:
        os.close(file)


def main() -> None:
    """A line with a JSON list of (kind, path) in, a line with their facts out, until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupted plan closes the input
    for line in sys.stdin:
        print(_BETWEEN.join(_inspect_all(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
