"""The summary of an export in one file: the checks of all forms side by side."""

from collections.abc import Mapping
from typing import Any

from boxwright.catalog import forms

_KEYS = ("bytes", "same_detections", "ms_per_image", "ms_quartiles", "device")

MAP, MAP50 = "DetectionBoxes_Precision/mAP", "DetectionBoxes_Precision/mAP@.50IOU"
_CLASS = "DetectionBoxes_PerformanceByCategory/mAP/"
# What to do if `export.gate` is `fail` and a form does not keep its gate.
ADVICE = "Take these forms out of `export.forms`, or set `export.gate: warn` to keep them with this warning."


def summary(checks: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The content of export.json from the checks of all forms (`check.check`), by the forms' names.

    forms: {form: its check}. bytes and same_detections repeat these two values, {form: ...}. main is the name of the
    main form; ms_per_image, ms_quartiles and device belong to it. weights is the number of the checkpoint's weights.
    """
    checks = {form.name: checks[form.name] for form in forms.FORMS if form.name in checks}
    name = forms.main([forms.named(name) for name in checks]).name
    main = checks[name]
    return {
        "main": name,
        "images": main["images"],
        "same_detections": {name: one["same_detections"] for name, one in checks.items()},
        "bytes": {name: one["bytes"] for name, one in checks.items()},
        "weights": checks[forms.CHECKPOINT.name]["weights"],
        **{key: main[key] for key in ("ms_per_image", "ms_quartiles", "device")},
        "forms": {name: {key: one[key] for key in _KEYS} for name, one in checks.items()},
    }


def complaints(
    checks: Mapping[str, Mapping[str, Any]], measured: Mapping[str, Mapping[str, Any]] | None = None
) -> list[str]:
    """What the forms do not keep of their gates (`export.gate`), a sentence for each form that does not.

    checks: by form (`form.export`), measured: by form (`measured.content`), if they were measured.
    """
    found, measured = [], measured or {}
    for name, one in checks.items():
        if said := [*one.get("complaints", []), *measured.get(name, {}).get("complaints", [])]:
            found.append(f"The {forms.named(name).title}: {'; '.join(said)}.")
    return found


def measured(
    found: Mapping[str, Mapping[str, Any]],
    checks: Mapping[str, Mapping[str, Any]],
    checkpoint: Mapping[str, Any],
    tests: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """The content of forms.json: the checkpoint and its forms side by side, {model, step, images, forms: {form: ...}}.

    found: `measured.content` by form; checks: of all forms; checkpoint: its metrics.json; tests: metrics.json by form,
    where there is a test side. Of a form without detections only its file, size and check are known. Beside a form are
    the checks of its other ways to run (`Form.other_ways`), on a few images.
    """
    listed: dict[str, Any] = {}
    for form in forms.FORMS:
        if form.name not in checks:
            continue
        one = {
            "file": form.path,
            "bytes": checks[form.name]["bytes"],
            "complaints": checks[form.name].get("complaints", []),
        }
        if not form.made_from:
            one |= figures(checkpoint)
        ways = {way: checks[form.name][way] for way, *_ in form.other_ways if way in checks[form.name]}
        listed[form.name] = one | ways | dict(found.get(form.name, {}))
        if tested := tests.get(form.name):
            again = {"found_again": tested["found_again"]} if "found_again" in tested else {}
            listed[form.name]["test"] = {"images": tested["images"], **figures(tested), **again}
    return {"model": checkpoint["model"], "step": checkpoint["step"], "images": checkpoint["images"], "forms": listed}


def figures(result: Mapping[str, Any]) -> dict[str, Any]:
    """Of the content of a metrics.json, {mAP, mAP50, AP: {class: AP}}."""
    metrics = result["metrics"]
    classes = {name.removeprefix(_CLASS): value for name, value in metrics.items() if name.startswith(_CLASS)}
    return {"mAP": metrics[MAP], "mAP50": metrics[MAP50], "AP": classes}
