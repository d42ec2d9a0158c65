"""The texts about a data set that its plan shows in the terminal."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from boxwright.core.wording import a, few, plural, without_a_box
from boxwright.dataset.audit import IGNORED_CLASS, REASONS
from boxwright.dataset.decide import Decision
from boxwright.dataset.defects import DEFECTS, DROP_BOX, DROP_IMAGE, FAIL, FIX, IGNORE, KEEP, Case, order
from boxwright.dataset.split import EVAL, TEST, TRAIN, WORDS

_DONE = {
    FIX: "fixed",
    DROP_BOX: "box dropped",
    DROP_IMAGE: "image left out",
    IGNORE: "ignored",
    KEEP: "kept",
    FAIL: "refused",
}
# What is done where it is something else for a kind of defect.
_DONE_ABOUT = {("annotation_without_image", DROP_IMAGE): "annotation left out"}
_SHOWN = 20
# The number and the class in the words for a box: "2: dog [1, 1, 50, 60]".
_BOX = re.compile(r"(\d+): ?(.*?)(?: \[[^\[\]]*\])?", re.DOTALL)
_EXAMPLES = 3
_NOTHING_WRONG = "The checks found nothing wrong."
_HINT = " <- "
_LACKS = {TRAIN: "none to learn from", EVAL: "none to measure with", TEST: "none to test with"}
_ALIKE = ("image is a near-duplicate", "images are near-duplicates")
_TOGETHER = (
    "{} of others ({} in all); each group stays on one side. If they are frames of one "
    "scene, add other scenes; `dataset.near_duplicates: false` lets chance divide them."
)


def text(
    decision: Decision, counts: Mapping[str, Any], classes: Mapping[str, int], folders: Sequence[str], checks: Path
) -> str:
    """The data set in a few lines: its sides, its classes, and each kind of defect with what was done about it."""
    found = counts["found"]
    there = f"{plural(found['images'], 'image')}, {plural(found['annotations'], 'annotation')}"
    lines = [f"Data set {', '.join(folders)}: {there}"]
    for side in decision.samples:
        of = counts[side]
        images, boxes = plural(of["images"], "image"), plural(of["boxes"], "box", "boxes")
        lines.append(f"  {side:<6}{images:>14} {boxes:>14} {of['negatives']:>6} without objects")
        if of["regions"]:
            lines[-1] += f", {plural(of['regions'], 'ignore region')}"
    if counts["on_neither_list"]:
        lines.append(f"  {_on_no_list(decision, counts['on_neither_list'])} and left out")
    if decision.alike[0]:
        images, groups = decision.alike
        lines.append(f"  {plural(images, *_ALIKE)} of others, in {plural(groups, 'group')}")
    lines.append(f"  {decision.ledger.text()}")
    lines += [f"  {sentence}" for sentence in decision.named]
    width = max(map(len, classes), default=0)
    for name, number in list(classes.items())[:_SHOWN]:
        boxes = {side: counts[side]["classes"].get(name, 0) for side in decision.samples}
        lacks = ", ".join(_LACKS[side] for side, count in boxes.items() if not count)
        hint = f"{_HINT}{lacks if any(boxes.values()) else 'no box'}" if lacks else ""
        told = " ".join(f"{count:>8} {side}" for side, count in boxes.items())
        lines.append(f"  {number:>4} {name:<{width}} {told}{hint}")
    if len(classes) > _SHOWN:
        lines.append(f"  ... and {plural(len(classes) - _SHOWN, 'more class', 'more classes')}")
    where = f" (each case is in {checks}; `dataset.policies` sets what is done)"
    head, *kinds = of_cases(decision.cases, where)
    return "\n".join([*lines, f"  {head}", *kinds])


def is_calm(told: str) -> bool:
    """Whether a text of `text` has nothing that the user should see: no defect, and no class without boxes."""
    return _NOTHING_WRONG in told and _HINT not in told


def of_cases(cases: Sequence[Case], where: str = "", *, unread: bool = False, adjustable: bool = True) -> list[str]:
    """A line for each kind of defect and what was done about it, below a head.

    where: says where each case is; without it some are shown. unread: whether no image is left and there are
    annotations that cannot be read, so that images without one have one. adjustable: whether there is a configuration.
    """
    head = f"What the checks found{where}:"
    silent = ("image_without_annotation",) if unread else ()
    lines = _defect_lines(cases, examples=not where, silent=silent, adjustable=adjustable) if cases else []
    return [head, *lines] if cases else [_NOTHING_WRONG]


def otherwise(cases: Sequence[Case], policies: Mapping[str, str]) -> list[str]:
    """A line for each kind of defect whose default policy is not the one of `policies`, below a head; none without."""
    lines = []
    for defect, count in sorted(Counter(case.defect for case in cases).items()):
        default = DEFECTS[defect].policies[0]
        if policies.get(defect, default) != default:
            done = "the run is refused" if default == FAIL else _DONE_ABOUT.get((defect, default), _DONE[default])
            lines.append(f"  {count:>6} {defect}: {done}")
    return (
        ["A run on the source would treat these otherwise, unless `dataset.policies` says so:", *lines] if lines else []
    )


def is_unread(cases: Sequence[Case]) -> bool:
    """Whether an annotation could not be read."""
    return any(case.defect in ("annotation_malformed", "annotation_foreign") for case in cases)


def refusal(refused: Sequence[Case], folders: Sequence[str], annotations: int, *, adjustable: bool = True) -> str:
    """Why a data set is refused: the cases whose policy is `fail`, and what to do about each kind.

    annotations: their number, for kinds that are refused for the share of files that have them. adjustable: whether
    there is a configuration whose policies can be changed.
    """
    stops = f"{plural(len(refused), 'defect')} that {'stops' if len(refused) == 1 else 'stop'} the run"
    lines = [f"The data set in {', '.join(dict.fromkeys(folders))} has {stops}:"]
    told = list(_alike(refused))
    lines += [f"  {line}" for line in told[:_SHOWN]]
    if len(told) > _SHOWN:
        lines.append(f"  ... and {len(told) - _SHOWN} more")
    counted = Counter(case.defect for case in refused)
    for name, count in counted.items():
        others = " | ".join(policy for policy in DEFECTS[name].policies if policy != FAIL)
        share = f"{count} of {plural(annotations, 'annotation')}; " if DEFECTS[name].few else ""
        instead = f"set `dataset.policies.{name}` to {others}" if adjustable else ""
        remedies = [text for text in (DEFECTS[name].what_to_do(adjustable), instead) if text]
        if share or remedies:
            lines.append(f"{name}: {share}{'; or '.join(remedies)}.")
    return "\n".join(lines)


def no_annotations(folders: Sequence[str], remedy: str, meant: Sequence[str] = ()) -> str:
    """That no file in some folders can be an annotation, and what to do.

    meant: files that may be meant as annotations, each with what it is; the remedy is for where there are none.
    """
    said = f"There is no annotation in {', '.join(folders)}: no file there is in a format that is read."
    if not meant:
        return f"{said} {remedy}; docs/formats.md has the formats."
    listed = "\n  ".join([f"{said} Perhaps these are meant:", *meant])
    return (
        f"{listed}\nExport them in one of the formats that docs/formats.md has, or give the folder of the annotations."
    )


def too_little(
    decision: Decision,
    split: Mapping[str, Any],
    images: int,
    folders: Sequence[str] = (),
    meant: Sequence[str] = (),
    remembered: str = "",
) -> str:
    """Why the remaining data is too little to train or evaluate a model; "" if it is enough.

    folders: those that were searched for annotations. meant: where there is none, the files that may be meant.
    remembered: what remembers the sides of all images from earlier draws; "" if some were drawn now.
    """
    sides = decision.samples
    used = sum(map(len, sides.values()))
    because = ""
    if decision.cases:
        unread = not used and (meant or is_unread(decision.cases))
        because = "\n".join(["", *of_cases(decision.cases, unread=bool(unread))])
    if not decision.annotations:
        because += f"\n{no_annotations(folders, 'Correct `dataset.annotations`', meant)}"
    if decision.left_out:
        because += f"\n{_on_no_list(decision, decision.left_out)}."
    if not used:
        there = f"{plural(images, 'image')} and {plural(decision.annotations, 'annotation')}"
        return f"No sample is left of {there}.{because}"
    if not decision.classes:
        return f"{without_a_box(used)}, so there is nothing to learn.{_gone(decision.ledger.unused())}{because}"
    if all(sides.values()):
        lacking = _without_objects(decision, split)
        return lacking and lacking + because
    empty = next(side for side, samples in sides.items() if not samples)
    remedy = f"`dataset.split.eval_fraction` is {split.get('eval_fraction')}; change it or add images"
    if remembered and empty != TEST:
        there = next(WORDS[side] for side, samples in sides.items() if samples)
        remedy = (
            f"{remembered} remembers each of them as {a(there)} image. If this is another data set, set another "
            "`results` folder; another `dataset.split.seed` draws anew"
        )
    elif empty == TEST:
        remedy = (
            f"the evaluation side, {plural(len(sides[EVAL]), 'image')}, can spare none, since each class keeps one "
            "there; add images, or name test images in a list (`dataset.split.test`)"
        )
    if decision.alike[0]:
        alike, groups = decision.alike
        because = f"{because}\n{_TOGETHER.format(plural(alike, *_ALIKE), plural(groups, 'group'))}"
    if split.get("group_by"):
        because += "\nImages of one group stay together: see whether `dataset.split.group_by` makes several groups."
    if split.get(empty):
        remedy = f"check the list {split[empty]}"
    elif split.get(TEST):
        remedy += f", or take images off the list {split[TEST]}"
    return f"The split leaves no {WORDS[empty]} image ({plural(used, 'image')} in all): {remedy}.{because}"


def _gone(unused: Mapping[str, int]) -> str:
    """Why each object is in no record, where none is, a line below another; "" if there was none. unused: by reason."""
    if not unused:
        return ""
    count = sum(unused.values())
    if unused.keys() == {IGNORED_CLASS}:
        of = f"All {count} objects are" if count > 1 else "The only object is"
        return f"\n{of} of classes in `dataset.classes.ignore`. Take those to learn out of it."
    words = {name: defect.told(DROP_BOX) for name, defect in DEFECTS.items()} | REASONS
    reasons = ", ".join(f"{number} {name} ({words[name]})" for name, number in sorted(unused.items()))
    return f"\nThe annotations have {plural(count, 'object')}, and this is why none is used: {reasons}."


def _on_no_list(decision: Decision, count: int) -> str:
    lists = "none of the lists" if TEST in decision.samples else "neither list"
    return f"{plural(count, 'image')} {'is' if count == 1 else 'are'} on {lists}"


def _without_objects(decision: Decision, split: Mapping[str, Any]) -> str:
    """Why a side of the split without any box is of no use; "" if each has some."""
    for side, samples in decision.samples.items():
        if samples and not any(sample.classes for sample in samples):
            lacks = "there is nothing to learn" if side == TRAIN else "no metric is defined"
            key = f"{TEST if side == TEST else EVAL}_fraction"
            remedy = f"raise `dataset.split.{key}`, try another `dataset.split.seed`, or add images with objects"
            if split.get(side):
                remedy = f"put images with objects on the list {split[side]} (`dataset.split.{side}`)"
            return f"{without_a_box(len(samples), f'{WORDS[side]} image')}, so {lacks}: {remedy}."
    return ""


def _defect_lines(
    cases: Sequence[Case], *, examples: bool = False, silent: Sequence[str] = (), adjustable: bool = True
) -> list[str]:
    """Two lines for each kind of defect and what was done: what it is, and the first files or boxes; with `examples`
    the latter are more lines, by their particulars.

    silent: kinds whose advice would be wrong. adjustable: whether there is a configuration.
    """
    counted = Counter((case.defect, case.action) for case in cases)
    width = max(len(defect) for defect, _ in counted)
    lines: list[str] = []
    for defect in DEFECTS:  # in the order of the table, which is the order of the checks
        for (name, action), count in sorted(counted.items()):
            if name == defect:
                about = DEFECTS[defect]
                advice = "" if defect in silent else about.what_to_do(adjustable)
                advice = f" -> {advice}" if advice else ""
                done = _DONE_ABOUT.get((name, action), _DONE[action])
                lines.append(f"  {count:>6} {defect:<{width}} {done}: {about.told(action)}{advice}")
                of = [case for case in cases if (case.defect, case.action) == (name, action)]
                if examples:
                    lines += _examples(of)
                else:
                    lines.append(f"         {_places(of) if any(case.box for case in of) else _files(of)}")
    return lines


def _files(cases: Sequence[Case]) -> str:
    """The first files of some cases of a kind: what they share, else what is true of the first one."""
    first, *others = sorted(cases, key=order)
    if all(case.detail == first.detail for case in others):
        return f"{_places(cases)}{first.detail and f': {first.detail}'}"
    rest = [case for case in others if case.file != first.file]
    return f"{first.file}: {first.detail}{f'; also {_places(rest)}' if rest else ''}"


def _alike(cases: Sequence[Case]) -> Iterator[str]:
    """A line for each case, or one for more than two that are the same but for the file and the place of the box."""
    groups: dict[tuple[str, str, str], list[Case]] = defaultdict(list)
    for case in cases:
        name = _BOX.fullmatch(case.box or "")
        groups[case.defect, case.detail, name[2] if name else case.box or ""].append(case)
    for (defect, detail, name), alike in groups.items():
        if len(alike) > 2:
            places = f"{_places(alike, classes=False)}{f', {name}' if name else ''}"
            yield f"{places}: {defect}, {detail} ({len(alike)} times)"
            continue
        for case in alike:
            yield f"{case.file}{f', box {case.box}' if case.box else ''}: {defect}, {detail}"


def _examples(cases: Sequence[Case]) -> list[str]:
    """The first particulars of a kind of defect, each with the first files and boxes that it is true of."""
    places: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        places[case.detail].append(case)
    lines = []
    for detail, of in sorted(places.items())[:_EXAMPLES]:
        times = f" ({len(of)} times)" if len(of) > len({case.file for case in of}) else ""
        lines.append(f"         {_places(of)}: {detail}{times}")
    return lines


def _places(cases: Sequence[Case], classes: bool = True) -> str:
    """The first files of some cases, each with the first of its boxes: "a.xml (box 2, dog; box 5, cat), b.xml"."""
    boxes: dict[str, list[str]] = {}
    for case in sorted(cases, key=order):
        of_file, found = boxes.setdefault(case.file, []), _BOX.fullmatch(case.box or "")
        if found:
            of_file.append(f"box {found[1]}{f', {found[2]}' if classes and found[2] else ''}")
    told = []
    for file, of in boxes.items():
        more = [f"{len(of) - _EXAMPLES} more"] if len(of) > _EXAMPLES else []
        told.append(f"{file} ({'; '.join([*of[:_EXAMPLES], *more])})" if of else file)
    return few(told)
