"""Tables of the report: the data set, its checks, all checkpoints, the classes of one checkpoint."""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from boxwright.catalog import formats
from boxwright.core import decimals
from boxwright.core.counts import few, plural
from boxwright.dataset import audit
from boxwright.dataset.defects import DEFECTS, DROP_BOX
from boxwright.dataset.split import WORDS
from boxwright.report import html, metrics, style
from boxwright.report.results import Result, places

_COLUMNS = {"train": "boxes to train", "eval": "boxes to evaluate", "test": "boxes to test"}
_MOST_FINDINGS = 300
_FATES = ("stated", "records", "ignored", "left_out")
_FATE_HEADS = ("objects", "in the records", "ignore regions", "left out")
_REASONS = {name: defect.told(DROP_BOX) for name, defect in DEFECTS.items()} | audit.REASONS
_MOST_REASONS = 20


def dataset(statistics: Mapping[str, Any]) -> bytes:
    """The content of the data set as a page; statistics: the content of statistics.json."""
    found = statistics["found"]
    words = {side: word for side, word in WORDS.items() if side in statistics}
    counted = {
        "images": "images",
        "boxes": "boxes",
        "negatives": "images without objects",
        "most_boxes": "most boxes in an image",
        "difficult": "difficult boxes",
    }
    notes = []
    if any(statistics[side].get("regions") for side in words):
        counted |= {"regions": "ignore regions", "images_with_regions": "images with them"}
        notes.append(
            html.paragraph(
                "Ignore regions are no boxes: what a detector finds there is neither right nor wrong.", note=True
            )
        )
    sides = [(word, *(f"{statistics[side].get(key, 0):,}" for key in counted)) for side, word in words.items()]
    classes = []
    most = max((count for side in words for count in statistics[side]["classes"].values()), default=1)
    for name, number in statistics["classes"].items():
        cells = []
        for side in words:
            boxes, images = (statistics[side][key].get(name, 0) for key in ("classes", "images_with"))
            cells += [html.bar(f"{boxes:,}", boxes / most), f"{images:,}"]
        missing = [word for side, word in words.items() if not statistics[side]["classes"].get(name)]
        note = f"no box for {' and '.join(missing)}" if missing else ""
        classes.append((html.dot(style.class_colour(number), name), number, *cells, note))
    used = sum(statistics[side]["images"] for side in words)
    columns = [name for side in words for name in (_COLUMNS[side], "in images")]
    tests = " The test images measure what was exported when everything is chosen." if "test" in words else ""
    return html.page(
        "The data set",
        html.paragraph(
            f"Found: {plural(found['images'], 'image file')} and {plural(found['annotations'], 'annotation')}. Used: "
            f"{plural(used, 'image')}. Left out by the checks: {found['left_out']:,}; on no list of the split: "
            f"{found['on_neither_list']:,}. The evaluation images measure the detector and never train it.{tests}"
        ),
        html.table(("side", *counted.values()), sides),
        *notes,
        html.heading("Classes"),
        html.table(("class", "id", *columns, ""), classes, text=(2 + len(columns),)),
    )


def checks(lines: Iterable[str]) -> bytes:
    """The findings of the checks as a page; lines: the lines of checks.tsv."""
    findings = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    if not findings:
        return html.page("Checks", html.paragraph("The checks found nothing wrong with images and annotations."))
    counted = Counter((one["defect"], one["action"]) for one in findings)
    kinds = [
        (defect, f"{count:,}", action, DEFECTS[defect].told(action), DEFECTS[defect].advice or "nothing")
        for (defect, action), count in sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    ]
    shown = [
        (one["file"], one["box"], one["defect"], one["action"], one["detail"]) for one in findings[:_MOST_FINDINGS]
    ]
    left = len(findings) - len(shown)
    return html.page(
        "Checks",
        html.paragraph(
            f"{plural(len(findings), 'finding')} of {plural(len(kinds), 'kind')}, and what was done about each."
        ),
        html.table(("finding", "cases", "done", "meaning", "what you can do"), kinds, text=(2, 3, 4)),
        html.heading("Every case"),
        html.table(("file", "box", "finding", "done", "detail"), shown, text=(1, 2, 3, 4)),
        *([html.paragraph(f"{left:,} more in checks.tsv.", note=True)] if left else []),
    )


def imported(lines: Iterable[str]) -> bytes:
    """What became of every object of the annotations as a page; lines: the lines of import.tsv."""
    rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    whole = [one for one in rows if one["annotation"] == audit.ALL]
    if not whole:
        return html.page("Import", html.paragraph("The records are used as they are, so nothing was imported."))
    known = formats.by_key()
    kinds = [(known[one["format"]].name, *(f"{int(one[key]):,}" for key in _FATES), one["reasons"]) for one in whole]
    stated, records, ignored, left_out = (sum(int(one[key]) for one in whole) for key in _FATES)
    missing = [one for one in rows if one["annotation"] != audit.ALL and one["stated"] != "0"]
    others = [(one["annotation"], one["reasons"]) for one in rows if one["stated"] == "0" and one not in whole]
    counted = Counter[str]()
    for one in whole:
        for name, _, count in (part.rpartition(" ") for part in one["reasons"].split(", ")):
            counted[name] += int(count) if name in _REASONS and count.isdecimal() else 0
    parts = []
    if reasons := [(name, f"{count:,}", _REASONS[name]) for name, count in counted.most_common() if count]:
        parts += [html.heading("Why"), html.table(("reason", "objects", "meaning"), reasons, text=(2,))]
    if missing:
        shown = [(one["annotation"], *(one[key] for key in _FATES), one["reasons"]) for one in missing[:_MOST_FINDINGS]]
        parts += [html.heading("Where"), html.table(("annotation", *_FATE_HEADS, "why"), shown, text=(5,))]
        left = len(missing) - len(shown)
        parts += [html.paragraph(f"{left:,} more in import.tsv.", note=True)] if left else []
    if others:
        parts += [html.heading("Noticed"), html.table(("file", "what"), others[:_MOST_FINDINGS], text=(1,))]
        left = len(others) - _MOST_FINDINGS
        parts += [html.paragraph(f"{left:,} more in import.tsv.", note=True)] if left > 0 else []
    return html.page(
        "Import",
        html.paragraph(
            f"{plural(stated, 'object')} in the annotations = {records:,} in the records + {ignored:,} ignore regions "
            f"+ {left_out:,} left out."
        ),
        html.table(("format", *_FATE_HEADS, "reasons"), kinds, text=(5,)),
        *parts,
    )


def checkpoints(results: Sequence[Result]) -> bytes:
    """The metrics of every checkpoint of every model as a page; the exported ones are highlighted."""
    names = (metrics.MAP50, metrics.MAP, metrics.MAP75, metrics.AR100, *metrics.SIZES.values())
    rows, mark, reasons = [], [], {}
    place = places(results)
    for model in results:
        for one in model.evaluations:
            values = one["metrics"]
            exported = one["step"] == model.choice["step"]
            if exported:
                mark.append(len(rows))
            numbers = [decimals.number(values.get(name)) for name in names]
            rows.append(
                (
                    html.dot(style.model_colour(place[model.name]), model.name),
                    one["seed"],
                    f"{one['step']:,}",
                    html.bar(numbers[0], values.get(names[0])),
                    *numbers[1:],
                    "exported" if exported else "",
                )
            )
            reasons |= {name: one["undefined"].get(name) for name in names if values.get(name) is None}
    head = ("model", "seed", "step", "mAP at IoU 0.5", "mAP", "mAP at 0.75", "recall", "small", "medium", "large", "")
    first = results[0].evaluations[0]
    different = list(dict.fromkeys(filter(None, reasons.values())))[:_MOST_REASONS]
    notes = [html.paragraph(f"n/a: {why}", note=True) for why in different]
    return html.page(
        "All models and checkpoints",
        html.paragraph(
            f"Measured on {plural(first['images'], 'evaluation image')} with {plural(first['boxes'], 'box', 'boxes')}. "
            "mAP is COCO's, the mean over IoU 0.5 to 0.95; small, medium and large are mAP of boxes under 32 x 32 "
            "pixels, to 96 x 96 and above."
        ),
        html.table(head, rows, mark=mark),
        html.paragraph(_precisions(results), note=True),
        *notes,
    )


def _precisions(results: Sequence[Result]) -> str:
    """In which number format each model was trained, and measured where that is another than the weights'."""
    trained = {one.name: one.chosen.get("precision", "float32") for one in results}
    if len(set(trained.values())) == 1:
        told = f"Trained in {next(iter(trained.values()))}."
    else:
        told = f"Trained in {', '.join(f'{precision} ({name})' for name, precision in trained.items())}."
    measured = {one.name: one.chosen.get("inference_precision", "float32") for one in results}
    others = [f"{name} in {precision}" for name, precision in measured.items() if precision != "float32"]
    return f"{told} Measured in float32{', but ' + few(others, 5) if others else ''}."


def classes(analysis: Mapping[str, Any], subject: str) -> bytes:
    """The classes in one evaluation as a page; analysis: of analysis.json; subject: what was measured."""
    rows = [
        (
            html.dot(style.class_colour(one["id"]), one["name"]),
            html.bar(decimals.number(one["AP50"]), one["AP50"]),
            decimals.ends(one["AP50_interval"]),
            *(decimals.number(one[key]) for key in ("AP", "AR", "precision", "recall", "f1")),
            decimals.number(one["best_threshold"], 2),
            *(f"{one[key]:,}" for key in ("boxes", "images", "detections")),
        )
        for one in analysis["classes"]
    ]
    at = f"{analysis['score_threshold']:g}"
    head = ("class", "AP at IoU 0.5", "uncertainty", "AP", "AR", "precision", "recall", "F1", "best threshold")
    reasons = dict.fromkeys(why for one in analysis["classes"] for why in one["undefined"].values())
    notes = [html.paragraph(f"n/a: {why}", note=True) for why in list(reasons)[:_MOST_REASONS]]
    return html.page(
        f"Classes of {subject}",
        html.paragraph(
            f"Precision, recall and F1 count detections with a score of at least {at} and an IoU with a box of at "
            f"least {analysis['iou_threshold']:g}. The best threshold is the score with the largest F1. "
            "Uncertainty is the 95 % bootstrap interval of the AP with other images of this kind; in simulations it "
            "held the true value in 87 to 95 of 100 cases, least often when nearly everything is found. No spread: the "
            "AP is the same on any choice of these images, so they do not tell how sure it is."
        ),
        html.table((*head, "boxes", "images", f"detections from {at}"), rows, text=(2,)),
        *notes,
    )
