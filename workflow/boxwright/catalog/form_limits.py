"""What a form of exported detectors cannot hold: why, and the nearest form that can. See `forms.Form.refuses`."""

from google.protobuf.message import Message

from boxwright.catalog.families import FAMILIES

# How the OD API resizes, and other runtimes in another way or not at all.
_TENSORFLOWS_OWN = {"AREA", "BICUBIC"}


def standard_operations(model: Message, family: str) -> str:
    """Why a model cannot be made of ONNX's standard operations; "" if it can."""
    reasons = []
    field = FAMILIES[family].post_processing
    if field and getattr(model, field).batch_non_max_suppression.soft_nms_sigma > 0:
        reasons.append(f"the standard operation NonMaxSuppression has no `soft_nms_sigma` ({field})")
    resizer = model.image_resizer
    kind = resizer.WhichOneof("image_resizer_oneof")
    chosen = getattr(resizer, kind) if kind else None
    if chosen is not None and "resize_method" in chosen.DESCRIPTOR.fields_by_name:
        method = chosen.DESCRIPTOR.fields_by_name["resize_method"].enum_type.values_by_number[chosen.resize_method].name
        if method in _TENSORFLOWS_OWN:
            reasons.append(f"only TensorFlow resizes images as `image_resizer.{kind}.resize_method: {method}` does")
    return f"{' and '.join(reasons)}; the nearest form is saved_model" if reasons else ""
