"""Made-up results in the formats of the workflow's files, and what an SVG or HTML page says."""

import html
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np

from boxwright.report import metrics
from boxwright.report.results import Result

RECALLS = np.linspace(0, 1, 101)


def texts(svg: bytes) -> list[str]:
    """All texts of an SVG, which must be sound XML."""
    return [" ".join(node.itertext()) for node in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def plain(page: bytes) -> str:
    """What a page says, without its style sheet and tags."""
    body = page.decode().partition("<body>")[2]
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", body))).strip()


def scores(**changes) -> dict:
    """What the scores of a class, or of all classes, mean; `changes` are in its operating point."""
    point = {
        "precision_wanted": 0.95,
        "score": 0.7254,
        "precision": 0.96,
        "level": 0.95,
        "low": 0.91,
        "high": 0.98,
        "detections": 75,
        "recall": 0.81,
        "sure_score": 0.9,
        **changes,
    }
    keys = ("score", "right", "low", "high", "detections")
    return {
        "operating_point": point,
        "reliability": [
            dict(zip(keys, values, strict=True)) for values in [(0.04, 0.0, 0.0, 0.1, 80), (0.85, 0.97, 0.9, 0.99, 60)]
        ],
        "calibration": {"score": [0.01, 0.5, 0.99], "right": [0.0, 0.3, 1.0]},
        "calibration_error": {"detections": 90, "scores": 0.171, "calibrated": 0.052, "chance": 0.033},
        "undefined": {},
    }


def no_scores(reason: str) -> dict:
    """Scores of which nothing is known for this reason."""
    keys = ("operating_point", "reliability", "calibration", "calibration_error")
    return dict.fromkeys(keys) | {"undefined": dict.fromkeys(keys, reason)}


def one_class(number: int, name: str, ap: float | None = 0.8, boxes: int = 10) -> dict:
    """A class of analysis.json; without AP one that has no ground truth."""
    row = {"id": number, "name": name, "images": boxes, "boxes": boxes, "detections": 12}
    keys = ("AP", "AP50", "AP50_interval", "AR", "precision", "recall", "f1", "best_threshold", "curve")
    if ap is None:
        undefined = dict.fromkeys(keys[:-1], f"no box of class '{name}' in the evaluation images")
        return (
            row
            | dict.fromkeys(keys)
            | {
                "images": 0,
                "boxes": 0,
                "undefined": undefined,
                "scores": no_scores("there is no box"),
            }
        )
    curve = {"recall": RECALLS.tolist(), "precision": (ap >= RECALLS).astype(float).tolist(), "score": [0.5] * 101}
    ends = {"low": max(ap - 0.1, 0.0), "high": min(ap + 0.1, 1.0)}
    values = {
        "AP": ap / 2,
        "AP50": ap,
        "AP50_interval": ends,
        "AR": ap,
        "precision": 0.75,
        "recall": 0.5,
        "f1": 0.6,
        "best_threshold": 0.42,
    }
    return row | values | {"curve": curve, "undefined": {}, "scores": scores()}


def analysis(classes: list[dict] | None = None, **changes) -> dict:
    """The content of analysis.json."""
    classes = [one_class(1, "cat"), one_class(2, "dog", 0.6)] if classes is None else classes
    size = len(classes)
    kinds = ("classification", "localisation", "both", "duplicate", "background", "missed")
    return {
        "score_threshold": 0.5,
        "iou_threshold": 0.5,
        "interval": {"metric": metrics.MAP50, "level": 0.95, "low": 0.6, "high": 0.8, "resamples": 1000, "few": []},
        "classes": classes,
        "scores": scores(),
        "confusion": {
            "labels": [*(one["name"] for one in classes), "background"],
            "matrix": (np.eye(size + 1, dtype=int) * 7 - np.diag([0] * size + [7])).tolist(),
            "nowhere": {kind: [0] * size for kind in ("localisation", "both", "duplicate", "background")},
            "unseen": {kind: [0] * size for kind in ("localisation", "missed")},
        },
        "errors": [{"kind": kind, "count": index, "cost": index / 100} for index, kind in enumerate(kinds)],
        "images": [
            {"name": "a.jpg", "image_id": 1, "boxes": 9, "correct": 8, "wrong": 2, "missed": 1, "f1": 0.84}
            | {"missed_boxes": [{"bbox": [1.0, 2.0, 30.0, 40.0], "category_id": 1}]}
        ],
        **changes,
    }


def evaluation(model: str, step: int, value: float | None = 0.7, seed: int = 0) -> dict:
    """The content of metrics.json."""
    names = (metrics.MAP, metrics.MAP50, metrics.MAP75, metrics.AR100, *metrics.SIZES.values())
    values = dict.fromkeys(names, value)
    undefined = {} if value is not None else dict.fromkeys(names, "no box in the evaluation images")
    return {
        "model": model, "step": step, "seed": seed, "images": 40, "boxes": 120, "metrics": values,
        "undefined": undefined,
    }  # fmt: skip


def result(
    name: str,
    value: float | None = 0.7,
    *,
    family: str | None = None,
    seed: int = 0,
    milliseconds: float = 25.0,
    sizes: dict[str, float] | None = None,
) -> Result:
    """A model with checkpoints at steps 10 and 20, the second of which was chosen."""
    before = None if value is None else value / 2
    evaluations = [evaluation(name, 10, before, seed), evaluation(name, 20, value, seed)]
    interval = None if value is None else analysis()["interval"] | {"low": value - 0.1, "high": value + 0.05}
    choice = {"model": name, "step": 20, "metric": metrics.MAP50, "value": value, "reason": "largest of 2 checkpoints"}
    sizes = {"frozen_graph": 20_000_000, "saved_model": 21_000_000, "checkpoint": 19_000_000} | (sizes or {})
    shares = {"frozen_graph": 1.0, "saved_model": 1.0, "checkpoint": 0.995}
    export = {
        "main": "frozen_graph",
        "images": 8,
        "weights": 5_000_000,
        "forms": {
            form: {
                "bytes": sizes[form],
                "same_detections": {"share": shares.get(form, 0.98), "max_box": 0.0, "max_score": 0.0},
                "ms_per_image": milliseconds,
                "ms_quartiles": [24.0, 27.0],
                "device": "CPU, 2 processors",
            }
            for form in sizes
        },
    }
    found = Result(name, family or name, choice, evaluations, analysis(interval=interval), export)
    return replace(found, measured=measured(export["forms"], value))


def measured(checks: dict, value: float | None) -> dict:
    """Of forms.json, what it says of each form; the checkpoint is not timed."""
    found = {}
    for form, checked in checks.items():
        found[form] = {
            "file": form,
            "bytes": checked["bytes"],
            "complaints": [],
            "mAP": value,
            "mAP50": value,
            "AP": {},
        }
        if form == "checkpoint":
            continue
        time = {"median": checked["ms_per_image"], "quartiles": checked["ms_quartiles"]}
        found[form] |= {
            "ms": {"1": {"median": 40.0, "quartiles": [39.0, 42.0]}, "2": time},
            "device": checked["device"],
            "found_again": {"share": checked["same_detections"]["share"], "max_box": 2e-6, "max_score": 1e-6},
        }
    return found


def statistics(**sides) -> dict:
    """The content of statistics.json."""
    bins = {"box_side": [8.0, 16.0, 32.0, 64.0], "box_aspect": [0.5, 1.0, 2.0], "boxes_per_image": [0.0, 1.0, 2.0, 3.0],
            "image_side": [128.0, 256.0, 512.0]}  # fmt: skip
    side = {"images": 40, "boxes": 60, "negatives": 3, "most_boxes": 2, "difficult": 1}
    side |= {"classes": {"cat": 40, "dog": 20}, "images_with": {"cat": 30, "dog": 20}}
    side |= {name: [1] * (len(edges) - 1) for name, edges in bins.items()}
    found = {"images": 90, "annotations": 85, "left_out": 7, "on_neither_list": 3}
    return {"classes": {"cat": 1, "dog": 2}, "bins": bins, "found": found} | {
        name: side | sides.get(name, {}) for name in ("train", "eval")
    }
