"""The summary of an export in one file: the checks of all forms side by side."""

from collections.abc import Mapping
from typing import Any

from boxwright.catalog import forms

_KEYS = ("bytes", "same_detections", "ms_per_image", "ms_quartiles", "device")

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


def complaints(checks: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What the forms do not keep of their gates (`export.gate`), a sentence for each form that does not."""
    found = ((forms.named(name).title, one.get("complaints")) for name, one in checks.items())
    return [f"The {title}: {'; '.join(said)}." for title, said in found if said]
