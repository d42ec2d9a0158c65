"""The sources of a data set: which folders of images belong to which annotations, and in which format these are.

A source whose format is `auto` is recognised from a few of its files (`recognised`); a sentence says as what and why.
Where a source can be read in two ways nothing is guessed: the user is asked for the key.
"""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from boxwright.catalog import formats as catalogue
from boxwright.core import pointers
from boxwright.core.errors import UserError
from boxwright.core.wording import few, plural
from boxwright.dataset import addresses, formats, pairing, scan
from boxwright.dataset.memo import Memo
from boxwright.dataset.scan import File, Listing, Search
from boxwright.images.loader import EXTENSIONS

# Files of each ending, in each source, that are opened to recognise a format.
_SAMPLE = 24
# Endings of files that describe a whole data set.
_DESCRIBING = (".yaml", ".yml", ".data")
# Names of images in a file about many, without their folders.
_IMAGE = re.compile(rb"""[^/\\"'<>|,;:\t\r\n]{1,255}\.(?:jpe?g|png|bmp|gif|webp|tiff?)\b""", re.IGNORECASE)
# What JSON says of an image beside its name: where else it is, and what it was called before.
_ELSEWHERE = re.compile(rb""""(?:\w*_url|thumbnail\w*|extra)"\s*:\s*(?:"[^"]*"|\{[^{}]*\})""")
# The rest of a name behind a letter that JSON escapes.
_ESCAPED = re.compile("u[0-9a-fA-F]{4}")
# Folders beside those of the annotations that hold only files that explain them: FiftyOne's.
_ASIDE = ("metadata",)
# Above the folders of annotations, that many are searched for files that explain them.
_ABOVE = 2


class Source(NamedTuple):
    """Folders of images, the files or folders of their annotations, and the key of their format, or `auto`."""

    images: tuple[str, ...]
    annotations: tuple[str, ...]
    format: str = catalogue.AUTO


class Annotated(NamedTuple):
    """An annotation file, the key of its format, and the paths of the files that explain it, the nearest first."""

    file: File
    key: str
    beside: tuple[str, ...] = ()


class Recognised(NamedTuple):
    """All annotation files of a data set, and sentences about the formats that were recognised."""

    files: list[Annotated]
    told: list[str]


def of(dataset: Mapping[str, Any]) -> list[Source]:
    """The sources in the configuration's `dataset`; images that are not given lie beside the annotations."""
    given = dataset.get("sources") or [dataset]
    found = []
    for one in given:
        annotations = tuple(map(_place, _paths(one["annotations"])))
        beside = dict.fromkeys(_folder(place) for place in annotations if not _is_of_records(place))
        images = _paths(one["images"]) if one["images"] else tuple(beside)
        found.append(Source(images, annotations, one.get("format") or catalogue.AUTO))
    return found


def listings(sources: Sequence[Source], results: str | None = None) -> tuple[Listing, Listing]:
    """The images of all sources in their order, each file once, and for each source all that may be an annotation.

    Raises UserError if a folder is missing or cannot be read (`scan.listings`).
    """
    images = Search([folder for one in sources for folder in one.images], tuple(EXTENSIONS))
    annotations = [
        Search(one.annotations, catalogue.endings(), files=True, counted=catalogue.VOC.endings) for one in sources
    ]
    found, *listed = scan.listings(images, *annotations, results=results)
    return found, Listing(
        tuple(chain.from_iterable(one.folders for one in listed)),
        tuple(chain.from_iterable(one.found for one in listed)),
        {place: number for one in listed for place, number in one.passed.items()},
    )


def above(annotations: Listing) -> list[str]:
    """The files above the folders of annotations that may explain these, as (path, NUL, stamp)."""
    found = {}
    for place in annotations.folders:
        folder = Path(_whole(place))
        folder = folder.parent if folder.is_file() else folder
        around = [folder, *list(folder.parents)[:_ABOVE]] if Path(place).is_file() else list(folder.parents)[:_ABOVE]
        for one in around:
            found |= dict(_explaining(one))
    return [f"{path}\0{stamp}" for path, stamp in sorted(found.items())]


def recognise(sources: Sequence[Source], annotations: Listing, option: str | None = None) -> Recognised:
    """The annotation files of all sources, each with its format.

    annotations: as `listings` gives it. option: of a command, the one that names the format, "" if it has none; None
    where a configuration does. Raises UserError with all sources that can be read in several ways.
    """
    by_folder: dict[int, list[File]] = defaultdict(list)
    for file in annotations.files():
        by_folder[file.folder].append(file)
    outside = [text.partition("\0")[0] for text in above(annotations)]
    files: list[Annotated] = []
    told: list[str] = []
    mistakes: list[str] = []
    start = 0
    for source in sources:
        end = start + len(source.annotations)
        own = [file for folder in range(start, end) for file in by_folder[folder]]
        start = end
        key = source.format
        if key == catalogue.AUTO:
            key, sentence = _recognised(source, own, mistakes, option, several=len(sources) > 1)
            told += [sentence] if sentence else []
        there = list(_annotated(key, own, outside))
        if source.format != catalogue.AUTO and not there:
            about = catalogue.by_key()[key]
            correct = "`annotations` or `format`" if option is None else f"the path or {option}"
            others = "; ".join(f"{_told(one, seen)}: `{one}`" for one, seen in readings(own).items())
            mistakes.append(
                f"{', '.join(source.annotations)} has no file whose name ends as those of {about.name} (`{key}`) do: "
                f"{', '.join(about.endings)}.{others and f' There are those of {others}.'} Correct {correct}."
            )
        there, others = _of_one_task(catalogue.by_key()[key].tasks, there)
        if others:
            told.append(f"Not read, since they are about the images of {others[0]} for other tasks: {few(others[1:])}.")
        files += there
    if mistakes:
        raise UserError("\n".join(mistakes))
    return Recognised(files, told)


def images_of(sources: Sequence[Source], images: Sequence[File]) -> dict[int, frozenset[int]]:
    """By the number of a file or folder of annotations, the numbers of the images of its source.

    Empty if there is but one source, whose annotations may be about all images.
    """
    if len(sources) < 2:
        return {}
    places = [Path(image.path).parent.resolve() for image in images]
    found: dict[int, frozenset[int]] = {}
    for source in sources:
        folders = {Path(folder).resolve() for folder in source.images}
        inside = Memo(lambda place, folders=folders: place in folders or not folders.isdisjoint(place.parents))
        own = frozenset(number for number, place in enumerate(places) if inside[place])
        found |= {len(found) + number: own for number in range(len(source.annotations))}
    return found


def hold_images(annotations: Sequence[Annotated]) -> bool:
    """Whether images may lie in the annotation files."""
    known = catalogue.by_key()
    return any(known[key].holds_images for key in {one.key for one in annotations})


def _place(given: str) -> str:
    """A file or folder of annotations; the folder of `data.yaml` or `obj.data`, which only describe it."""
    return str(Path(given).parent) if Path(given).suffix.lower() in _DESCRIBING and Path(given).is_file() else given


def _is_of_records(place: str) -> bool:
    """Whether a path leads to a file that holds its images."""
    ending = catalogue.ending(place.rpartition("/")[2])
    return any(about.holds_images for about in catalogue.by_ending().get(ending, ())) and Path(place).is_file()


def _folder(place: str) -> str:
    """The folder that a path leads to, or that holds the file that it leads to."""
    return str(Path(place).parent) if Path(place).is_file() else place


def _paths(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(map(str, given))


def _recognised(
    source: Source, files: Sequence[File], mistakes: list[str], option: str | None, *, several: bool
) -> tuple[str, str]:
    """The key of a source's format, and a sentence; what cannot be decided is added to `mistakes`."""
    seen = readings(files)
    found = [key for key in catalogue.by_key() if key in seen]
    there = ", ".join(source.annotations)
    beyond = ""
    if catalogue.VOC.key in seen and not (beyond := _beyond(files, seen)):
        # As ever: XML files are the annotations, whatever lies beside them about the same images.
        others = [_told(key, seen[key]) for key in found if key != catalogue.VOC.key]
        remedy = ": `dataset.format` names the format to read, `dataset.sources` several"
        if option is not None:
            remedy = f": {option} names the format to read" if option else ""
        beside = (
            f"{there} has Pascal VOC files, which are read, and beside them {'; '.join(others)}. Those are not read"
            f"{remedy}."
        )
        return catalogue.VOC.key, beside if others else ""
    if not found:
        if unfetched := _unfetched(files):
            are = "are pointers" if unfetched[1:] else "is a pointer"
            mistakes.append(
                f"{few(unfetched)} in {there} {are} of Git LFS, not the annotations themselves. "
                "Run `git lfs pull` in the repository that they come from."
            )
        return _meant(files) or catalogue.VOC.key, ""
    if len(found) > 1:
        listed = "".join([f"\n  - `{key}`: {_told(key, seen[key])}" for key in found])
        name = "`format` of this entry of `dataset.sources`" if several else "`dataset.format`"
        remedy = (
            f"Set {name} to one of them. If they are about different images, give each its own entry in "
            "`dataset.sources`."
        )
        if option is not None:
            remedy = f"Give the files or the folder of one of them{f', or name it with {option}' if option else ''}."
        mistakes.append(
            f"The annotations in {there} can be read in {len(found)} ways, and no box may count twice:{listed}\n"
            f"{beyond}{remedy}"
        )
        return found[0], ""
    (key,) = found
    about = catalogue.by_key()[key]
    return key, f"The annotations in {there} are read as {about.name} (`{key}`): {seen[key][1]} is {about.sign}."


def _beyond(files: Sequence[File], seen: Mapping[str, tuple[int, str]]) -> str:
    """A sentence about an image that another format is about and none of the files of Pascal VOC; "" if there is none.

    seen: as `readings` gives it. Of a file about many images only the first part is looked at, and only where its names
    are of the kind that the XML files have: these may also be named by something else than the image.
    """
    voc = catalogue.VOC
    own = {_stem(file) for file in files if catalogue.ending(file.base) in voc.endings} if len(seen) > 1 else set()
    for key, (_, example) in seen.items():
        about = catalogue.by_key()[key]
        if key == voc.key or about.holds_images:
            continue
        if about.one_image:
            of_format = [one for one in files if catalogue.ending(one.base) in about.endings]
            others = [one for one in of_format if not (about.explains(one.base) or one.stamp.startswith("0 "))]
            others = [one for one in others if _stem(one) not in own][:_SAMPLE]
            name = next((one.relative for one in others if formats.key_of(one.path, one.base, key)), "")
        else:
            path = next(one.path for one in files if one.relative == example)
            head = _ELSEWHERE.sub(b"", formats.head(path))
            stated = [one for one in map(os.fsdecode, _IMAGE.findall(head)) if not _ESCAPED.match(one)]
            stems = {one: {pairing.stem(base) for base in addresses.base_names(one)} for one in dict.fromkeys(stated)}
            others = [one for one, of in stems.items() if own.isdisjoint(of)]
            name = others[0] if others and (len(stems) > len(own) or len(others) < len(stems)) else ""
        if name:
            return f"{about.name} has images that {voc.name} has not, as {name} tells. "
    return ""


def _stem(file: File) -> str:
    return pairing.stem(file.base.rpartition(".")[0])


def _meant(files: Sequence[File]) -> str:
    """The key of the format that a file is meant to be in where none is in any; "" where there are XML files."""
    by_ending = catalogue.by_ending()
    if any(catalogue.ending(file.base) in catalogue.VOC.endings for file in files):
        return ""
    for file in files[:_SAMPLE]:
        keys = formats.OR.join([one.key for one in by_ending.get(catalogue.ending(file.base), ())])
        if keys and not catalogue.explains(file.base) and (key := formats.nearly(file.path, file.base, keys)):
            return key
    return ""


def _unfetched(files: Sequence[File]) -> list[str]:
    """Files that are pointers of Git LFS; none if there are XML files, which are checked one by one."""
    endings = {catalogue.ending(file.base) for file in files}
    if not endings.isdisjoint(catalogue.VOC.endings):
        return []
    small = [file for file in files if int(file.stamp.partition(" ")[0] or 0) < pointers.LONGEST]
    return [file.relative for file in small[:_SAMPLE] if pointers.is_git_lfs(formats.head(file.path))]


def _told(key: str, seen: tuple[int, str]) -> str:
    count, example = seen
    about = catalogue.by_key()[key]
    return f"{about.name}, {plural(count, 'file')} such as {example} ({about.sign})"


def readings(files: Sequence[File]) -> dict[str, tuple[int, str]]:
    """By key of each format that occurs: about how many files are in it, and one of them."""
    by_ending: dict[str, list[File]] = defaultdict(list)
    known = catalogue.by_ending()
    for file in files:
        by_ending[catalogue.ending(file.base)].append(file)
    counts: Counter[str] = Counter()
    example: dict[str, str] = {}
    for ending, of_ending in by_ending.items():
        keys = formats.OR.join([one.key for one in known.get(ending, ())])
        candidates = [file for file in of_ending if not catalogue.explains(file.base)] if keys else []
        candidates = [file for file in candidates if not file.stamp.startswith("0 ")]  # an empty file tells nothing
        step = max(len(candidates) / _SAMPLE, 1)
        sample = [candidates[int(number * step)] for number in range(min(len(candidates), _SAMPLE))]
        found = Counter()
        for file in sample:
            if key := formats.key_of(file.path, file.base, keys):
                found[key] += 1
                example.setdefault(key, file.relative)
        for key, number in found.items():
            counts[key] += round(number * len(candidates) / len(sample))
    return {key: (count, example[key]) for key, count in counts.items()}


def _annotated(key: str, files: Sequence[File], outside: Sequence[str]) -> Iterator[Annotated]:
    """The files of a source that may be annotations of a format, each with those that explain it."""
    about = catalogue.by_key()[key]
    explaining: dict[str, list[str]] = defaultdict(list)
    if about.beside:
        for path in (*(file.path for file in files), *outside):
            if _explains(about, path):
                folder = Path(_whole(os.path.dirname(path)))  # noqa: PTH120
                explaining[str(folder.parent if folder.name in _ASIDE else folder)].append(path)
        for paths in explaining.values():
            paths.sort()
    beside = Memo(partial(_around, explaining))
    for file in files:
        name = file.base
        if catalogue.ending(name) in about.endings and not _explains(about, file.path):
            yield Annotated(file, key, beside[file.path.rpartition("/")[0]] if explaining else ())


def _explains(about: catalogue.Format, path: str) -> bool:
    """Whether a file explains others of a format: it has the name for that, and is not one of them itself.

    YOLO's labels of an image `classes.jpg` are in `classes.txt`.
    """
    name = path.rpartition("/")[2]
    if not about.explains(name):
        return False
    return catalogue.ending(name) not in about.endings or not formats.key_of(path, name, about.key)


def explained(
    annotations: Iterable[Annotated], what: Callable[[str, formats.Beside], Mapping]
) -> Iterator[tuple[Annotated, Mapping]]:
    """What the explaining files state, once for each set of them, with the first annotation that they explain.

    what: a function of `formats` that reads it, such as `formats.sides`.
    """
    seen = set()
    for one in annotations:
        if one.beside and (one.key, one.beside) not in seen:
            seen.add((one.key, one.beside))
            yield one, what(one.key, {path: Path(path).read_bytes() for path in one.beside})


def _of_one_task(tasks: Sequence[str], files: Sequence[Annotated]) -> tuple[list[Annotated], list[str]]:
    """The files that are left where several are about the same images for different tasks, as their names tell.

    With them the name of such a file that is left, and of those that are not; nothing if there are none.
    """
    by_rest: dict[str, list[tuple[int, Annotated]]] = defaultdict(list)
    for one in files if tasks else ():
        folder, _, name = one.file.path.rpartition("/")
        for number, task in enumerate(tasks):
            if name.lower().startswith(task):
                by_rest[f"{folder}/{name[len(task) :]}"].append((number, one))
    left, gone = [], []
    for same in by_rest.values():
        first, *others = sorted(same, key=lambda one: one[0])
        left += [first[1].file.relative] if others else []
        gone += [one for _, one in others]
    out = {one.file.path for one in gone}
    return [one for one in files if one.file.path not in out], [*left[:1], *(one.file.relative for one in gone)]


def _around(explaining: Mapping[str, list[str]], folder: str) -> tuple[str, ...]:
    """The explaining files in a folder and in those above it, the nearest first."""
    here = Path(_whole(folder))
    return tuple([path for one in (here, *here.parents) for path in explaining.get(str(one), ())])


def _whole(folder: str) -> str:
    """A folder's path from the root, without "..": folders above it are found by its parts."""
    return os.path.abspath(folder or ".")  # noqa: PTH100


def _explaining(folder: Path) -> Iterator[tuple[str, str]]:
    """The files of a folder that may explain annotations below it, and their stamps."""
    names = {name for one in catalogue.FORMATS for name in one.beside if "*" not in name}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.lower() in names and entry.is_file():
                    of = entry.stat()
                    yield entry.path, f"{of.st_size} {of.st_mtime_ns} {of.st_ino}"
    except OSError:
        return
