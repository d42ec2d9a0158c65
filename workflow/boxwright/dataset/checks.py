"""Checks an image and the statement about it: takes their facts, gives a sample and the defects found.

Nothing here reads a file or knows a format. The order matters: the frame of the boxes comes first (EXIF, the stated
size, the unit), then each box is checked in pixels of the upright image.
"""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, repeat
from typing import NamedTuple

from boxwright.core import names, pointers
from boxwright.core.wording import nearest, plural
from boxwright.dataset import audit, copies, orientation, resized
from boxwright.dataset.annotation_facts import AnnotationFacts
from boxwright.dataset.class_rules import ClassRules
from boxwright.dataset.defects import DROP_BOX, DROP_IMAGE, FIX, IGNORE, KEEP, Case
from boxwright.dataset.image_facts import ImageFacts
from boxwright.dataset.orientation import STORED, fits
from boxwright.dataset.samples import IGNORE as IGNORE_REGION
from boxwright.dataset.samples import (
    IGNORED,
    MASK,
    NO_BOXES,
    NOT_BOXES,
    POLYGON,
    ROTATED,
    Box,
    PlannedSample,
    boxes_json,
)
from boxwright.dataset.statements import NORMALISED, PIXELS, ROUNDING, Statement, are_shares
from boxwright.images import exif, loader
from boxwright.images.headers import MAX_PIXELS, ImageInfo
from boxwright.images.sizes import too_large

# Sides that are shorter than a pixel only by rounding count as a pixel.
_EPSILON = 1e-6

Corners = tuple[float, float, float, float]

_SHAPES = {POLYGON: "box_from_polygon", ROTATED: "box_rotated", MASK: "box_from_mask"}


@dataclass
class Checker:
    """Checks samples one by one and keeps what it finds.

    policies: the policy of every defect. known: the classes of the given label map, None if none is given.
    aliases: other names of known classes. rules: which classes are renamed or ignored. full: also report images whose
    pixels cannot be decoded. flags: keep the boxes' further flags, which no record has. max_pixels: the most that an
    image may have. turned: how the images that EXIF turns are read (`orientation`). resized: whether images were made
    smaller after they were annotated. respelt: by stated class name that is not clean, the number of its boxes and the
    first annotation (by name). Of the last sample, fates: its objects that are not among its boxes, by whether they are
    ignore regions and by reason; dropped_by: the first defect that leaves the image out.
    """

    policies: Mapping[str, str]
    known: frozenset[str] | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)
    rules: ClassRules = field(default_factory=ClassRules)
    full: bool = False
    flags: bool = False
    max_pixels: int = MAX_PIXELS
    turned: Counter[str] = field(default_factory=Counter)
    resized: bool = False
    respelt: dict[str, tuple[int, str]] = field(default_factory=dict)
    cases: list[Case] = field(default_factory=list)
    fates: Counter[tuple[bool, str]] = field(default_factory=Counter)
    dropped_by: str = ""

    def report(self, file: str, defect: str, detail: str, box: str = "", action: str = "") -> str:
        """Record a case and return its action: the defect's policy, unless `action` is given."""
        action = action or self.policies[defect]
        self.cases.append(Case(names.shown(file), names.shown(box), defect, action, names.shown(detail)))
        if action == DROP_IMAGE and not self.dropped_by:
            self.dropped_by = defect
        return action

    def sample(
        self, name: str, path: str, image: ImageFacts, annotation: AnnotationFacts | None = None, label: str = ""
    ) -> PlannedSample | None:
        """The sample made from an image and its annotation; None if it is left out.

        The cases call the image `name` and the annotation `label`. Without an annotation there are no objects.
        """
        self.fates, self.dropped_by = Counter(), ""
        info = image.info
        if info.problem or (self.full and image.undecodable):
            defect = "image_truncated" if info.truncated else "image_unreadable"
            defect = "image_not_fetched" if info.problem == pointers.GIT_LFS else defect
            self.report(name, defect, info.problem or image.undecodable or "")
            return None
        if large := too_large(info, self.max_pixels):
            self.report(name, "image_huge", large)
            return None
        if odd := names.unwritable(name):
            self.report(name, "image_name", odd)
            return None
        self._check_image(name, info)
        width, height = exif.upright_size(info.width, info.height, info.orientation)
        classes: tuple[str, ...] = ()
        boxes = regions = NO_BOXES
        if annotation is not None and self._is_good(annotation, info):
            classes, boxes = annotation.classes, annotation.boxes
        elif annotation is not None and (scaled := self._scaled(annotation, info)):
            classes, boxes = annotation.classes, scaled
        elif annotation is not None:
            stated = self._in_its_unit(label, annotation.statement(), info)
            to_upright = self._frame(label, info, stated, width, height)
            judged = [
                self._check_box(label, number, box, to_upright, width, height, place)
                for number, box, place in zip(count(1), stated.boxes, stated.places or repeat(""), strict=False)
            ]
            kept = self._without_copies(name, stated.boxes, judged)
            self.fates.update((one.region is not None, one.why) for one in judged if one.box is None)
            if copied := sum(one.box is not None for one in judged) - len(kept):
                self.fates[False, "box_twice"] = copied
            if not kept and any(one.dropped for one in judged):
                which = f"none of its {len(judged)} boxes is left" if len(judged) > 1 else "its only box is left out"
                self.report(name, "image_emptied", which)
            classes, boxes = tuple([box.class_name for box in kept]), boxes_json(map(self._recorded, kept))
            regions = boxes_json(self._recorded(one.region) for one in judged if one.region is not None)
        if self.dropped_by:
            return None
        fixes = loader.fixes_for(info)
        return PlannedSample(name, path, image.sha256, width, height, info.format, fixes, classes, boxes, regions)

    def _recorded(self, box: Box) -> Box:
        """A box as it is in a sample: further flags do not change what is recorded of it."""
        return box._replace(flags="") if box.flags and not self.flags else box

    def _is_good(self, annotation: AnnotationFacts, info: ImageInfo) -> bool:
        """Whether all boxes are known to be good, as in nearly all images, so that none needs a check."""
        return (
            annotation.sound
            and annotation.unit == PIXELS
            and (annotation.width, annotation.height, 1) == (info.width, info.height, info.orientation)
            and (self.known is None or self.known.issuperset(annotation.classes))
            and self.rules.concerned.isdisjoint(annotation.classes)
        )

    def _scaled(self, annotation: AnnotationFacts, info: ImageInfo) -> str:
        """The boxes in pixels, as JSON, of a good annotation whose boxes are shares of the image; else ""."""
        width, height = info.width, info.height
        if not (
            annotation.sound
            and annotation.unit == NORMALISED
            and info.orientation == 1
            and (annotation.width, annotation.height) in ((width, height), (0, 0))
            and (self.known is None or self.known.issuperset(annotation.classes))
            and self.rules.concerned.isdisjoint(annotation.classes)
        ):
            return ""
        boxes = [
            Box(name, xmin * width, ymin * height, xmax * width, ymax * height, *more)
            for name, xmin, ymin, xmax, ymax, *more in json.loads(annotation.boxes)
        ]
        good = all(box.xmin <= box.xmax - 1 and box.ymin <= box.ymax - 1 for box in boxes)
        return boxes_json(boxes) if good else ""

    def _check_image(self, name: str, info: ImageInfo) -> None:
        extension = name[name.rfind(".") :].lower()
        if loader.EXTENSIONS.get(extension, info.format) != info.format:
            self.report(name, "image_extension_lies", f"{extension} holds {info.format.upper()}")
        if info.format not in ("jpeg", "png"):
            self.report(name, "image_format", info.format.upper())
        if info.mode == "gray":
            self.report(name, "image_grayscale", f"{info.bits} bits")
        if info.mode == "cmyk":
            self.report(name, "image_cmyk", info.format.upper())
        if info.bits > 8:
            self.report(name, "image_16_bit", f"{info.bits} bits per channel")
        if info.mode.endswith("+alpha"):
            self.report(name, "image_alpha", info.mode)
        if not exif.is_legal(info.orientation):
            self.report(name, "exif_illegal", f"orientation {info.orientation}; legal values are 1 to 8")
        elif info.orientation != 1:
            self.report(name, "exif_rotation", f"orientation {info.orientation}")

    def _in_its_unit(self, label: str, stated: Statement, info: ImageInfo) -> Statement:
        """The statement, in shares of the image where its numbers are hardly pixels and the policy is not to keep them.

        Where the policy leaves the image out, nothing else is wrong with its boxes either.
        """
        corners = [side for box in stated.boxes for side in box.corners]
        if stated.unit == NORMALISED or min(info.width, info.height) <= 2 or not are_shares(corners):
            return stated
        first = _which(1, stated.boxes[0])
        detail = f"the image is {_size((info.width, info.height))}, box {first}"
        kept = self.report(label, "boxes_normalised", detail) == KEEP
        return stated if kept else stated._replace(unit=NORMALISED)

    def _frame(self, label: str, info: ImageInfo, statement: Statement, width: int, height: int) -> "_Frame | None":
        """The transformation of the stated boxes to pixels of the upright image; None if they need none."""
        stored, upright = (info.width, info.height), (width, height)
        stated = (statement.width, statement.height)
        known = all(stated)
        shares = statement.unit == NORMALISED
        straight = _Frame(scale=upright, shares=True) if shares else None
        if orientation.turned(info):
            turn = _Frame(
                scale=stored if shares else (1, 1), stored=stored, orientation=info.orientation, shares=shares
            )
            way = orientation.reading(info, statement)
            if not way and statement.boxes:
                way = orientation.followed(self.turned)
                reason = "the annotation has no size" if not known else f"the annotation says {_size(stated)}"
                detail = f"orientation {info.orientation}, {reason}, the image is {_size(stored)} as stored; "
                self.report(label, "exif_ambiguous", detail + self._why_read(way))
            if way == STORED:
                if known and stated not in (stored, upright):
                    text = f"the annotation says {_size(stated)}, the image is {_size(stored)} as stored"
                    self.report(label, "size_mismatch", f"{text}; the boxes are taken as those of the stored image")
                return turn
        if not known or stated == upright:
            return straight
        text = f"the annotation says {_size(stated)}, the image is {_size(upright)}"
        if shares:
            self.report(label, "size_mismatch", f"{text}; the boxes are taken as fractions of the image")
        elif self.resized and resized.is_smaller(upright, stated) and self.policies["size_mismatch"] == FIX:
            why = "the boxes are scaled, since some of such images have boxes that fit only the annotation's size"
            self.report(label, "size_mismatch", f"{text}; {why}")
            return _Frame(scale=(width / stated[0], height / stated[1]))
        elif not fits(statement, upright) and fits(statement, stated):
            if stated == (height, width):
                action = DROP_IMAGE if self.policies["size_mismatch"] == FIX else ""
                self.report(
                    label, "size_mismatch", f"{text}; the boxes fit the image turned by 90 degrees", action=action
                )
            elif self.policies["size_mismatch"] == FIX:
                self.report(label, "size_mismatch", f"{text}; the boxes fit only the annotation's size and are scaled")
                return _Frame(scale=(width / stated[0], height / stated[1]))
            else:
                self.report(label, "size_mismatch", f"{text}; the boxes fit only the annotation's size")
        else:
            # Boxes that fit the image need no repair: only the stated size is wrong.
            self.report(label, "size_mismatch", f"{text}; the boxes are taken as pixels of the image")
        return straight

    def _check_box(
        self, label: str, number: int, box: Box, frame: "_Frame | None", width: int, height: int, where: str = ""
    ) -> "_Judged":
        """The box in pixels of the upright image, or the ignore region in its place."""
        if (spelt := names.clean(box.class_name)) != box.class_name:
            count, first = self.respelt.get(box.class_name, (0, label))
            self.respelt[box.class_name] = (count + 1, min(first, label))
            box = box._replace(class_name=spelt)
        if frame is None and self._is_good_box(box, width, height):
            return _Judged(box)
        name = self.rules.rename.get(box.class_name, box.class_name)
        name = self.aliases.get(name, name)
        place = _place(frame.corners(box.corners) if frame else box.corners, width, height)
        shares = frame is not None and frame.shares

        why = ""

        def report(defect: str, detail: str, action: str = "") -> str:
            nonlocal why
            detail = ": ".join(filter(None, (where, detail)))
            action = self.report(label, defect, detail, _which(number, box), action)
            if action in (DROP_BOX, DROP_IMAGE, IGNORE):
                why = why or defect
            return action

        def dropped(defect: str, detail: str, action: str = "") -> bool:
            return report(defect, detail, action) in (DROP_BOX, DROP_IMAGE)

        def has_no_place() -> bool:
            """Whether a coordinate is no number, which is then reported."""
            if all(map(math.isfinite, box.corners)):
                return False
            # where the place says why there is no box, nothing is missing
            dropped("box_not_a_number", "" if ": " in where else "a coordinate is missing or not a finite number")
            return True

        def region(of: str) -> Box | None:
            return None if place is None else Box(of, *place, box.difficult, box.truncated, box.pose)

        def judge() -> Box | None:
            if not name and dropped("class_missing", "the object has no name"):
                return None
            unknown = name and self.known is not None and name not in self.known
            if unknown and dropped("class_unknown", self._near(name)):
                return None
            if box.shape in NOT_BOXES:
                dropped("object_not_a_box", f"it is drawn as {box.shape}")
                return None
            if box.shape and dropped(_SHAPES[box.shape], f"its rectangle is {_corners(box.corners)}"):
                return None
            if has_no_place():
                return None
            xmin, ymin, xmax, ymax = frame.corners(box.corners) if frame else box.corners
            if xmin > xmax or ymin > ymax:
                if dropped("box_inverted", "its minimum is above its maximum"):
                    return None
                xmin, xmax, ymin, ymax = min(xmin, xmax), max(xmin, xmax), min(ymin, ymax), max(ymin, ymax)
            if xmin == xmax or ymin == ymax:
                dropped("box_zero_area", f"it is {xmax - xmin:.10g} x {ymax - ymin:.10g} pixels")
                return None
            if xmin < 0 or ymin < 0 or xmax > width or ymax > height:
                size = f"the image is {width}x{height}"
                if place is None:
                    action = DROP_BOX if self.policies["box_outside"] == FIX else ""
                    dropped("box_outside", f"{size}; the box lies wholly outside", action)
                    return None
                rounded = shares and max(-xmin, xmax - width) <= width * ROUNDING
                rounded = rounded and max(-ymin, ymax - height) <= height * ROUNDING
                if not rounded and dropped("box_outside", size):
                    return None
                xmin, ymin, xmax, ymax = (
                    max(xmin, 0.0),
                    max(ymin, 0.0),
                    min(xmax, float(width)),
                    min(ymax, float(height)),
                )
            small = min(xmax - xmin, ymax - ymin) < 1 - _EPSILON
            if small and dropped("box_subpixel", f"it is {xmax - xmin:.10g} x {ymax - ymin:.10g} pixels"):
                return None
            if (name, xmin, ymin, xmax, ymax, "") == (box.class_name, *box.corners, box.shape):
                return box
            return box._replace(class_name=name, xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax, shape="")

        if not name and IGNORE_REGION in box.flags.split():
            action = report("box_ignored", "it is a region to ignore, of no class")
            return _Judged(region=None if action == DROP_BOX else region(""), why="box_ignored")
        if name in self.rules.ignore:
            has_no_place()
            return _Judged(region=region(""), why=audit.IGNORED_CLASS)
        kept = judge()
        if kept is None:
            of = name if self.known is None or name in self.known else ""
            return _Judged(region=region(of), dropped=True, why=why)
        if any(flag in IGNORED for flag in box.flags.split()):
            action = report("box_ignored", f"it is marked as {box.flags}")
            if action == IGNORE:
                return _Judged(region=kept, why=why)
            if action == DROP_BOX:
                return _Judged(dropped=True, why=why)
        if box.difficult:
            action = report("box_difficult", "the annotation says so")
            if action == IGNORE:
                return _Judged(region=kept, why=why)
            if action == DROP_BOX:
                return _Judged(dropped=True, why=why)
        return _Judged(kept)

    def _is_good_box(self, box: Box, width: int, height: int) -> bool:
        """Whether a box needs no change and no report."""
        name = box.class_name
        good = name in self.known if self.known is not None else name != ""
        good = good and name not in self.rules.concerned and not box.difficult and not box.shape and not box.flags
        good = good and 0 <= box.xmin <= box.xmax - 1 and box.xmax <= width
        return good and 0 <= box.ymin <= box.ymax - 1 and box.ymax <= height

    def _without_copies(self, file: str, stated: Sequence[Box], judged: Sequence["_Judged"]) -> list[Box]:
        """The boxes to keep, without those that the policy of `box_twice` drops. The cases call the image `file`."""
        kept = [(number, one.box) for number, one in enumerate(judged, start=1) if one.box is not None]
        gone, told = set(), set()
        for one, other in copies.pairs([box.corners for _, box in kept]):
            (first, earlier), (number, later) = kept[one], kept[other]
            same = earlier.class_name == later.class_name
            if gone.isdisjoint((one, other)) and (other, same) not in told:
                told.add((other, same))
                detail = f"box {first} of class '{earlier.class_name}' is in the same place"
                defect = "box_twice" if same else "box_of_two_classes"
                if self.report(file, defect, detail, _which(number, stated[number - 1])) == DROP_BOX:
                    gone.add(other)
        return [box for place, (_, box) in enumerate(kept) if place not in gone]

    def _why_read(self, way: str) -> str:
        """How an image whose orientation leaves its boxes undecided is read, and why."""
        decided = self.turned.total()
        if way:
            return f"read as {way}, like {self.turned[way]} of {plural(decided, 'image')} where it is clear"
        if not decided:
            return "read as upright; no other image tells"
        return f"read as upright; of {decided} images where it is clear {self.turned[STORED]} are as stored"

    def _near(self, name: str) -> str:
        """A hint about a class that is missing from the label map."""
        folded = {known.casefold(): known for known in self.known or ()}
        near = nearest(name.casefold(), folded, cutoff=0.5)
        if near:
            rule = json.dumps({name: folded[near]}, ensure_ascii=False)  # which is YAML too
            return f"did you mean '{folded[near]}'? `dataset.classes.rename: {rule}` renames it in all images"
        return f"the label map has {', '.join(sorted(folded.values())[:10])}"


class _Judged(NamedTuple):
    """What a stated box becomes. box: what is kept of it; region: the ignore region in its place.

    dropped: whether it is left out, for a reason that is not its class. why: the reason if it is not kept.
    """

    box: Box | None = None
    region: Box | None = None
    dropped: bool = False
    why: str = ""


@dataclass(frozen=True)
class _Frame:
    """Transforms stated boxes to pixels of the upright image: scales them, then turns them by EXIF.

    scale: factors for x and y. stored, orientation: size and EXIF orientation of the image as stored. shares: whether
    the boxes are stated in shares of the image.
    """

    scale: tuple[float, float] = (1.0, 1.0)
    stored: tuple[int, int] = (0, 0)
    orientation: int = 1
    shares: bool = False

    def corners(self, corners: Corners) -> Corners:
        xmin, ymin, xmax, ymax = corners
        x, y = self.scale
        return exif.upright_corners((xmin * x, ymin * y, xmax * x, ymax * y), *self.stored, self.orientation)


def _place(corners: Corners, width: int, height: int) -> Corners | None:
    """The part of an image that a box covers, at least a pixel wide and high; None if unknown or outside the image."""
    if not all(map(math.isfinite, corners)):
        return None
    across, down = _extent(corners[0], corners[2], width), _extent(corners[1], corners[3], height)
    return None if across is None or down is None else (across[0], down[0], across[1], down[1])


def _extent(one: float, other: float, length: int) -> tuple[float, float] | None:
    low, high = min(one, other), max(one, other)
    if low >= length or high <= 0:
        return None
    low, high = max(low, 0.0), min(high, float(length))
    if high - low < 1:
        low = min(max((low + high - 1) / 2, 0.0), length - 1.0)
        high = low + 1
    return low, high


def _which(number: int, box: Box) -> str:
    """A box as the cases name it."""
    return f"{number}: {box.class_name} {_corners(box.corners)}"


def _corners(corners: Corners) -> str:
    one, two, three, four = corners
    return f"[{one:.10g}, {two:.10g}, {three:.10g}, {four:.10g}]"


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
