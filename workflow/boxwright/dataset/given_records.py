"""Records that are used as they are: read, checked and described, but not written again.

What no later stage could use stops the run, all of it at once; other defects are named. Training and evaluation take
classes by their numbers, so these have to be those of the label map.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from boxwright.core import files, parts
from boxwright.core.errors import UserError
from boxwright.core.wording import few
from boxwright.dataset import annotation_facts, defects, image_facts, label_map
from boxwright.dataset.checks import Checker
from boxwright.dataset.decide import Decision
from boxwright.dataset.defects import KEEP, Case
from boxwright.dataset.formats import tfrecord
from boxwright.dataset.samples import CROWD, PlannedSample, boxes_from_json, boxes_json
from boxwright.dataset.split import WORDS
from boxwright.images import loader

# Defects that no later stage could use: such records have to be written again.
_UNUSABLE = (
    *("image_unreadable", "image_truncated", "image_not_fetched", "image_huge", "image_format", "image_cmyk"),
    *("image_16_bit", "image_alpha", "exif_rotation", "size_mismatch"),
    *("box_inverted", "box_zero_area", "box_not_a_number", "class_missing", "class_unknown", "class_number"),
)
_SHOWN = 20


class GivenFile(NamedTuple):
    """A file of records: its path, the SHA-256 of its bytes, and a sample for each record, in their order."""

    path: str
    sha256: str
    samples: list[PlannedSample]


class Given(NamedTuple):
    """All files by side, what was found in them, and the label map: ids by class, and its text."""

    files: dict[str, list[GivenFile]]
    decision: Decision
    classes: dict[str, int]
    text: str


def read(records: Mapping[str, Sequence[str]], given_map: str | None) -> Given:
    """The records of each side. Raises UserError with all that makes them unusable as they are."""
    map_path = given_map or _beside(records)
    message, classes = label_map.read_message(map_path), label_map.read(map_path)
    checker = Checker(defects.policies({}), frozenset(classes))
    found: dict[str, list[GivenFile]] = {}
    mistakes: list[str] = []
    for side, paths in records.items():
        ids: Counter[str] = Counter()
        found[side] = [_file(path, map_path, classes, checker, ids, mistakes) for path in paths]
        twice = [name for name, count in ids.items() if count > 1]
        if twice:
            mistakes.append(f"image/source_id is the same in several {WORDS[side]} records: {few(twice)}")
    mistakes += [
        f"{case.file}: {case.defect}, {case.detail}{f' (box {case.box})' if case.box else ''}"
        for case in checker.cases
        if case.defect in _UNUSABLE
    ]
    if mistakes:
        more = [f"... and {len(mistakes) - _SHOWN} more"] if len(mistakes) > _SHOWN else []
        told = "\n".join(f"  {mistake}" for mistake in [*mistakes[:_SHOWN], *more])
        raise UserError(
            f"`dataset.records` takes records as they are, but these cannot be used so:\n{told}\nGive them as "
            "`dataset.annotations` instead: then their images and boxes are read, checked and written again."
        )
    return Given(found, _decision(found, checker), classes, label_map.message_text(message))


def _beside(records: Mapping[str, Sequence[str]]) -> str:
    """The label map beside the records; raises UserError if there is none or several."""
    folders = dict.fromkeys(Path(path).parent for paths in records.values() for path in paths)
    found = [str(path) for folder in folders for path in sorted(folder.glob("*.pbtxt"))]
    if len(found) == 1 or len({files.sha256_file(path) for path in found}) == 1:
        return found[0]
    there = f"several ({few(found)})" if found else "none"
    raise UserError(
        f"Records that are used as they are need a label map, and there is {there} beside them. "
        "Set `dataset.label_map`."
    )


def _file(
    path: str, map_path: str, classes: Mapping[str, int], checker: Checker, ids: Counter, mistakes: list[str]
) -> GivenFile:
    samples: list[PlannedSample] = []
    names = {number: name for name, number in classes.items()}
    try:
        with Path(path).open("rb") as file:
            for number, (offset, payload) in enumerate(tfrecord.payloads(file), start=1):
                where = f"{path}, record {number}"
                features = tfrecord.features(payload, number)
                one = tfrecord.statement(features, number, offset, payload, names, {}, Counter())
                mistakes += [f"{where}: {why}" for why in _unusable(features, names, map_path)]
                source = next(iter(features.get("image/source_id", ())), b"")
                ids[source.decode("utf-8", "replace") if isinstance(source, bytes) else ""] += bool(source)
                if not one.embedded:
                    continue
                start = one.embedded[0] - offset
                image = image_facts.said([image_facts.line(payload[start : start + one.embedded[1]], False)])[0]
                (said,) = annotation_facts.said([annotation_facts.columns([one])])
                name = _name(source, one.image)
                checker.sample(name, path, image, said[0], where)
                width, height = image.info.width, image.info.height
                scaled = [
                    box._replace(
                        xmin=box.xmin * width, ymin=box.ymin * height, xmax=box.xmax * width, ymax=box.ymax * height
                    )
                    for box in boxes_from_json(said[0].boxes)
                ]
                regions = [box for box in scaled if CROWD in box.flags.split()]
                boxes = [box for box in scaled if CROWD not in box.flags.split()]
                if not all(math.isfinite(value) for box in scaled for value in box.corners):
                    continue  # which is among the cases
                samples.append(
                    PlannedSample(
                        name,
                        parts.path_of(path, *one.embedded),
                        image.sha256,
                        width,
                        height,
                        image.info.format,
                        loader.fixes_for(image.info),
                        tuple([box.class_name for box in boxes]),
                        boxes_json(boxes),
                        boxes_json(regions),
                    )
                )
    except OSError as error:
        raise UserError(f"`dataset.records` names {path}, which cannot be read ({error.strerror}).") from error
    except UserError as error:
        mistakes.append(f"{path}: {error}")
    return GivenFile(path, files.sha256_file(path), samples)


def _name(source: object, image: str) -> str:
    return source.decode("utf-8", "replace") if isinstance(source, bytes) and source else image


def _unusable(features: Mapping[str, Sequence], names: Mapping[int, str], map_path: str) -> Iterator[str]:
    """Why training or evaluation could not use a record."""
    if not next(iter(features.get("image/encoded", ())), b""):
        yield "it has no image (image/encoded)"
    if not next(iter(features.get("image/source_id", ())), b""):
        yield "it has no image/source_id, by which detections are told apart"
    labels = features.get("image/object/class/label", ())
    stated = features.get("image/object/class/text", ())
    texts = [text.decode("utf-8", "replace") for text in stated if isinstance(text, bytes)]
    if len(features.get("image/object/bbox/xmin", ())) != len(labels):
        yield "its boxes and numbers of classes (image/object/class/label) are not equally many"
    for place, label in enumerate(labels):
        text = texts[place] if place < len(texts) else ""
        if label not in names:
            yield f"class number {label} is not in {map_path}"
        elif text and text != names[label]:
            yield f"class number {label} is '{text}', but {names[label]} in {map_path}"


def _decision(found: Mapping[str, Sequence[GivenFile]], checker: Checker) -> Decision:
    """What the records are, in the form of a decision: nothing is left out, and every case is kept."""
    samples = {side: [one for file in of for one in file.samples] for side, of in found.items()}
    cases = [case._replace(action=KEEP) for case in checker.cases]
    first: dict[str, tuple[str, str]] = {}
    for side, of in samples.items():
        for one in of:
            other, name = first.setdefault(one.sha256, (side, one.name))
            if other != side:
                detail = f"the {WORDS[other]} image {name} has the same bytes"
                cases.append(Case(one.name, "", "duplicate_across_split", KEEP, detail))
    decision = Decision(samples, cases, sum(map(len, samples.values())))
    for side, of in found.items():
        for file in of:
            for place, one in enumerate(file.samples):
                stated = len(one.classes) + len(boxes_from_json(one.regions))
                fates = {(True, "box_ignored"): stated - len(one.classes)} if stated > len(one.classes) else {}
                image = hashlib.sha256(f"{side} {file.path} {place}".encode("utf-8", "surrogateescape")).hexdigest()
                decision.ledger.enter(image, f"{file.path} ({one.name})", "tfrecord", stated, fates)
    decision.classes = {name for of in samples.values() for one in of for name in one.classes}
    return decision
