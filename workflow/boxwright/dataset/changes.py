"""What differs between the data that the records hold and the plan, in words.

A plan replaces its lists of samples before any job runs, also in a dry run. So the list that a record file was written
from is kept, until the file is written anew, as `plan/written/<shard>.<identity>.jsonl`.
"""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from boxwright.console.checksums import Checksums
from boxwright.core import files
from boxwright.core.errors import UserError
from boxwright.core.names import shown
from boxwright.core.wording import few, plural
from boxwright.dataset import label_map, manifest
from boxwright.dataset.class_rules import ClassRules
from boxwright.dataset.samples import Sample
from boxwright.dataset.split import WORDS

FOLDER = "written"


class Known(NamedTuple):
    """A sample and the side of the split that it is on."""

    side: str
    sample: Sample


def keep(data_dir: Path, results: str | os.PathLike, before: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Keep the lists of samples that finished records were written from and that the new plan replaces.

    before, now: identities by output, of the plan in `data_dir` and of the plan that replaces it.
    """
    plan, checksums = data_dir / "plan", Checksums(results)
    for name, identity in before.items():
        listed, kept = plan / f"{name}.jsonl", plan / FOLDER / f"{name}.{identity}.jsonl"
        changed = identity != now.get(name) and listed.is_file() and not kept.is_file()
        if changed and _written_from(data_dir, name, checksums) == identity:
            files.copy(listed, kept)
    for kept in (plan / FOLDER).glob("*.jsonl"):
        name, identity = kept.stem.rsplit(".", 1)
        if _written_from(data_dir, name, checksums) != identity:
            kept.unlink()


def told(
    data_dir: Path,
    results: str | os.PathLike,
    identities: Mapping[str, str],
    classes: Mapping[str, int],
    boxes: Mapping[str, int],
    given: bool = False,
    rules: ClassRules | None = None,
) -> list[str]:
    """What changed since the records were written: new, removed, moved and edited images, renamed and new classes.

    identities, classes: those of the plan in `data_dir`. boxes: the number of boxes of each class in it.
    given: whether the ids of classes are given, and not ours to choose. rules: those of the configuration.
    Empty before the first run, if nothing changed, and where it is not known what the records were written from.
    """
    lists = _lists(data_dir, results, identities)
    if lists is None:
        return []
    try:
        before, now = map(_samples, lists)
    except (UserError, OSError):  # a damaged list; the records are written anew anyway
        return []
    had = {box.class_name for known in before.values() for box in known.sample.boxes}
    before, ruled = _follow(rules or ClassRules(), before, now)
    changed = [*ruled, *_differences(before, now), *_new_classes(data_dir / "label_map.pbtxt", classes, boxes)]
    if not given and (emptied := [name for name in classes if name in had and not boxes.get(name)]):
        changed.append(_emptied(emptied, data_dir))
    return changed


def _written_from(data_dir: Path, shard: str, checksums: Checksums) -> str | None:
    """The identity of the list of samples that a record file was written from, by its receipt."""
    made = checksums.made_with(data_dir / f"{shard}.tfrecord").get("identity")
    return made.get("data") if isinstance(made, dict) else None


def _lists(
    data_dir: Path, results: str | os.PathLike, identities: Mapping[str, str]
) -> tuple[dict[Path, str], dict[Path, str]] | None:
    """The lists that changed records were written from, and those that they will be written from, with their sides.

    None if there are no records, or if a list is not known.
    """
    plan, checksums = data_dir / "plan", Checksums(results)
    planned = {name for name in identities if "-of-" in name}
    sides = {name.split("-")[0] for name in planned}
    before, now = {}, {}
    for side in sides:
        of_side = {name for name in planned if name.startswith(f"{side}-")}
        # Of the receipts: a record file that was deleted is no change of the data.
        receipts = checksums.folder / os.path.relpath(data_dir, results)
        there = {path.name.split(".")[0] for path in receipts.glob(f"{side}-*-of-*.tfrecord.json")}
        # With another number of shards than before, the files of that number are still there.
        there = there & of_side or there
        if len({name.rpartition("-")[2] for name in there}) > 1:
            return None
        written = {name: _written_from(data_dir, name, checksums) for name in there}
        for name, identity in written.items():
            if identity != identities.get(name):
                before[plan / FOLDER / f"{name}.{identity}.jsonl"] = side
        now |= {plan / f"{name}.jsonl": side for name in of_side if written.get(name) != identities[name]}
        if not there and side == "train":
            return None
    return (before, now) if all(path.is_file() for path in (*before, *now)) else None


def _samples(lists: Mapping[Path, str]) -> dict[str, Known]:
    return {one.name: Known(side, one) for path, side in lists.items() for one in manifest.read(path)}


def _follow(
    rules: ClassRules, before: Mapping[str, Known], now: Mapping[str, Known]
) -> tuple[dict[str, Known], list[str]]:
    """What was there before as rules for classes that are new make it, and these rules in words.

    A rule is new if boxes had a class that it leaves none of.
    """
    had, has = ({box.class_name for one in of.values() for box in one.sample.boxes} for of in (before, now))
    new = {old: name for old, name in rules.rename.items() if old in had - has and name != old}
    ignored = {name for name in rules.ignore if name in {new.get(one, one) for one in had} - has}
    counts: Counter[str] = Counter(
        box.class_name for name in now if name in before for box in before[name].sample.boxes
    )
    told = [f"`dataset.classes.rename` renames {old} -> {name} ({_boxes(counts[old])})" for old, name in new.items()]
    told += [
        f"`dataset.classes.ignore` makes ignore regions of {name} "
        f"({_boxes(sum(count for one, count in counts.items() if new.get(one, one) == name))})"
        for name in sorted(ignored)
    ]
    if not told:
        return dict(before), []
    followed = {}
    for name, (side, sample) in before.items():
        boxes, regions = (
            tuple([box._replace(class_name=new.get(box.class_name, box.class_name)) for box in of])
            for of in (sample.boxes, sample.regions)
        )
        left = tuple([box for box in boxes if box.class_name not in ignored])
        # A region has not all that a box has.
        if name in now and len(regions) + len(boxes) - len(left) == len(now[name].sample.regions):
            regions = now[name].sample.regions
        followed[name] = Known(side, sample._replace(boxes=left, regions=regions))
    return followed, told


def _differences(before: Mapping[str, Known], now: Mapping[str, Known]) -> Iterator[str]:
    both = [name for name in now if name in before]
    added, gone = ([name for name in one if name not in other] for one, other in ((now, before), (before, now)))
    if added:
        sides = Counter(WORDS[now[name].side] for name in added)
        where = ", ".join(f"{count} for {side}" if len(sides) > 1 else f"for {side}" for side, count in sides.items())
        yield f"{plural(len(added), 'new image')} ({where}): {_few(added)}"
    if gone:
        yield f"{plural(len(gone), 'image is', 'images are')} gone: {_few(gone)}"
    for side in dict.fromkeys(known.side for known in now.values()):
        if moved := [name for name in both if now[name].side == side != before[name].side]:
            yield f"{plural(len(moved), 'image is', 'images are')} now for {WORDS[side]}: {_few(moved)}"
    if replaced := [name for name in both if now[name].sample.sha256 != before[name].sample.sha256]:
        yield f"{plural(len(replaced), 'image file')} changed: {_few(replaced)}"
    edited = [name for name in both if _marked(now[name]) != _marked(before[name])]
    renamed = {name: pairs for name in edited if (pairs := _renamed(before[name].sample, now[name].sample))}
    for pair in dict.fromkeys(pair for pairs in renamed.values() for pair in pairs):
        of = [name for name, pairs in renamed.items() if pair in pairs]
        count = sum(renamed[name][pair] for name in of)
        which = "a box" if count == 1 else f"{count:,} boxes"
        yield f"{_few(of)}: the class of {which} changed: {pair[0]} -> {pair[1]}"
    edited = [name for name in edited if name not in renamed]
    if len(edited) == 1:
        yield f"{shown(edited[0])}: {_edit(before[edited[0]].sample, now[edited[0]].sample)}"
    elif edited:
        yield f"{plural(len(edited), 'image')} with changed boxes: {_few(edited)}"
    alike = {*replaced, *edited, *renamed}
    if others := [name for name in both if name not in alike and now[name].sample[3:7] != before[name].sample[3:7]]:
        yield f"{plural(len(others), 'image is', 'images are')} read in another way: {_few(others)}"


def _marked(known: Known) -> tuple:
    return known.sample.boxes, Counter(known.sample.regions)


def _renamed(before: Sample, now: Sample) -> Counter[tuple[str, str]]:
    """How many boxes have another class, by the classes; empty if anything else of the boxes changed."""
    if Counter(before.regions) != Counter(now.regions):
        return Counter()
    gone, new = (
        (Counter(one.boxes) - Counter(other.boxes)).elements() for one, other in ((before, now), (now, before))
    )
    pairs = list(zip_longest(*(sorted(boxes, key=lambda box: box[1:]) for boxes in (gone, new))))
    if not all(one and other and one[1:] == other[1:] for one, other in pairs):
        return Counter()
    return Counter((one.class_name, other.class_name) for one, other in pairs)


def _boxes(count: int) -> str:
    return plural(count, "box", "boxes")


def _edit(before: Sample, now: Sample) -> str:
    """What changed in the boxes of one image."""
    more, fewer = ((Counter(one.boxes) - Counter(other.boxes)).total() for one, other in ((now, before), (before, now)))
    if not more and not fewer:
        return f"{'the order of its boxes' if before.boxes != now.boxes else 'its ignore regions'} changed"
    if more == fewer:
        return f"{more} of its {len(now.boxes)} boxes changed" if len(now.boxes) > 1 else "its box changed"
    return f"{plural(len(now.boxes), 'box', 'boxes')} now, {len(before.boxes)} before"


def _new_classes(path: Path, classes: Mapping[str, int], boxes: Mapping[str, int]) -> Iterator[str]:
    try:
        written = label_map.read(path)
    except (UserError, OSError):
        return
    for name in classes:
        if name not in written:
            yield f"new class {name} ({plural(boxes.get(name, 0), 'box', 'boxes')})"
    if lost := [name for name in written if name not in classes]:
        yield f"{plural(len(lost), 'class is', 'classes are')} gone: {few(lost)}"


def _emptied(names: list[str], data_dir: Path) -> str:
    """That classes have lost all their boxes, which keep their ids all the same, and how they are forgotten."""
    maps = " and ".join(str(folder / "label_map.pbtxt") for folder in (data_dir, data_dir / "plan"))
    one = len(names) == 1
    return (
        f"{'class' if one else 'classes'} {few(names)} {'has' if one else 'have'} no box left and "
        f"{'keeps its id' if one else 'keep their ids'}, so models still have {'it' if one else 'them'}; to number the "
        f"classes anew without {'it' if one else 'them'}, delete {maps}"
    )


def _few(names: list[str]) -> str:
    return few([shown(name) for name in sorted(names)])
