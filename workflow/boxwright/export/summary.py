"""The summary of an export in one file: the checks of all forms side by side."""

from collections.abc import Mapping
from typing import Any

from boxwright.catalog import forms

_KEYS = ("bytes", "same_detections", "ms_per_image", "ms_quartiles", "device")


def summary(checks: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The content of export.json from the checks of all forms (`check.check`), by the forms' names.

    forms: {form: its check}. bytes and same_detections repeat these two values, {form: ...}. ms_per_image, ms_quartiles
    and device belong to the main form, and weights is the number of the checkpoint's weights.
    """
    main = checks[forms.MAIN.name]
    return {
        "images": main["images"],
        "same_detections": {name: one["same_detections"] for name, one in checks.items()},
        "bytes": {name: one["bytes"] for name, one in checks.items()},
        "weights": checks[forms.CHECKPOINT.name]["weights"],
        **{key: main[key] for key in ("ms_per_image", "ms_quartiles", "device")},
        "forms": {name: {key: one[key] for key in _KEYS} for name, one in checks.items()},
    }
