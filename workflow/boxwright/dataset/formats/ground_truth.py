"""SageMaker Ground Truth's output manifests of box jobs, also Rekognition's: a line of JSON for each image.

A line has the image under "source-ref", and for each labeling job what it gave under the job's name and how under that
name with "-metadata", with the names of its classes. Jobs of another type have no boxes. Where several box jobs have a
class in common, the later ones correct the earlier ones, so only the last counts. A job that failed says nothing.
Source: Amazon's documentation of the output data of Ground Truth.
"""

import json
import re
from typing import Any

from boxwright.core.errors import UserError
from boxwright.core.wording import few
from boxwright.dataset import addresses, stated
from boxwright.dataset.formats import NOTHING, Beside
from boxwright.dataset.formats.objects import Objects
from boxwright.dataset.samples import POLYGON
from boxwright.dataset.statements import Reading, Remark, Statement

_IMAGE, _METADATA = "source-ref", "-metadata"
_START = re.compile(rb'\s*\{[^\n]*"source-ref"\s*:')
_RESULT = re.compile(rb'-metadata"\s*:')
# Parts of the types of jobs that have boxes or polygons.
_BOX_JOBS = ("object-detection", "polygon")


def sniff(head: bytes, name: str) -> bool:
    """Whether the first line is an object with a "source-ref", and there are results of a job.

    A manifest of images alone, which a job takes, is no annotation.
    """
    head = stated.plain(head)
    return _START.match(head) is not None and _RESULT.search(head) is not None


def read(data: bytes, beside: Beside = NOTHING) -> Reading:
    """A statement for each image that a job gave boxes for, also where it found none."""
    statements, remarks, mistakes, others = [], [], [], {}
    for number, line in stated.lines(data):
        try:
            item = stated.expect(stated.parse_json(line), dict, "it")
            if not stated.name(item.get(_IMAGE)):
                raise UserError('it has no "source-ref" with the image')
            statement = _statement(item, f"line {number}", remarks, others)
            if statement is not None:
                statements.append(statement)
        except UserError as error:
            mistakes.append(f"line {number}: {error}")
    stated.refuse(mistakes)
    if not statements:
        kinds = f", but jobs of the type {few(list(others))}" if others else ""
        raise UserError(f"it has no job with boxes{kinds}")
    return Reading(statements, remarks)


class _Job:
    """A job's boxes of one image, its classes by their numbers, and when it was made."""

    def __init__(self, key: str, item: dict) -> None:
        self.key, self.result = key, item[key]
        about = item.get(f"{key}{_METADATA}")
        self.about: dict = about if isinstance(about, dict) else {}
        self.boxes = stated.optional(self.result.get("annotations"), list, f'"annotations" of {key}')
        self.classes = stated.optional(self.about.get("class-map"), dict, f'"class-map" of {key}')

    @property
    def failed(self) -> str:
        """Why the job gave nothing; "" if it did."""
        return stated.name(self.about.get("failure-reason"))

    @property
    def made(self) -> str:
        """When it was made, in a form that sorts."""
        return stated.name(self.about.get("creation-date"))


def _jobs(item: dict, others: dict[str, None]) -> list[_Job]:
    """The jobs of a line that have boxes, the last one first; the types of the others go to `others`."""
    found = []
    for key, value in item.items():
        about = item.get(f"{key}{_METADATA}")
        kind = stated.name(about.get("type")) if isinstance(about, dict) else ""
        if isinstance(value, dict) and "annotations" in value and (not kind or any(one in kind for one in _BOX_JOBS)):
            found.append(_Job(key, item))
        elif kind:
            others[kind] = None
    return sorted(found, key=lambda job: job.made, reverse=True)


def _statement(item: dict, line: str, remarks: list[Remark], others: dict[str, None]) -> Statement | None:
    """What a line says about its image; None if no job gave boxes for it."""
    address = stated.name(item[_IMAGE])
    jobs = _jobs(item, others)
    failed = [job.failed for job in jobs if job.failed]
    jobs = [job for job in jobs if not job.failed]
    if failed and not jobs:
        remarks.append(Remark("image_unlabelled", f"{line}: its job failed ({failed[0]})", address))
    if not jobs:
        return None
    objects, used, size = Objects(), set(), (0, 0)
    for job in jobs:
        names = set(map(stated.name, job.classes.values()))
        if names & used:
            if job.boxes:
                why = f"{line}: boxes of the job {job.key}, which a later job corrects"
                remarks.append(Remark("object_superseded", why, address, len(job.boxes)))
            continue
        used |= names
        size = _size(job.result.get("image_size")) or size
        for place, one in enumerate(job.boxes, start=1):
            _add(objects, f"{line}, annotation {place} of {job.key}", one, job)
    return objects.statement(addresses.path(address), *size)


def _size(value: Any) -> tuple[int, int] | None:
    first = value[0] if isinstance(value, list) and value else value
    if not isinstance(first, dict):
        return None
    size = stated.size(first.get("width")), stated.size(first.get("height"))
    return size if all(size) else None


def _add(objects: Objects, place: str, one: Any, job: _Job) -> None:
    what = place.partition(", ")[2]
    stated.expect(one, dict, what)
    number = stated.name(one.get("class_id"))
    if job.classes and number not in job.classes:
        known = few(list(job.classes))
        raise UserError(f"{what} has the class_id {json.dumps(one.get('class_id'))}; the job's class-map has {known}")
    name = stated.name(job.classes.get(number, number))
    if "vertices" in one:
        corners = [
            stated.expect(point, dict, f"a vertex of {what}")
            for point in stated.optional(one["vertices"], list, f'"vertices" of {what}')
        ]
        points = [(stated.number(point.get("x")), stated.number(point.get("y"))) for point in corners]
        objects.add(place, name, stated.around(points), POLYGON)
        return
    values = [stated.number(one.get(key)) for key in ("left", "top", "width", "height")]
    objects.add(place, name, stated.from_size(*values))
