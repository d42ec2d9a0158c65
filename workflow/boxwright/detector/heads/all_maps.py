"""What heads on several feature maps share: how the predictions of all maps become one list."""

from collections.abc import Mapping, Sequence

import tensorflow as tf


def joined(
    codes: Sequence[tf.Tensor],
    logits: Sequence[tf.Tensor],
    code_size: int,
    class_slots: int,
    clip_range: tuple[float, float] | None,
    sigmoid: bool,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Box codes [B, A, code_size] and logits [B, A, class_slots] of all maps, float32, in the order of the anchors.

    codes, logits: of each map, finest first: [B, h, w, anchors * code_size] and [B, h, w, anchors * class_slots].
    clip_range: bounds of the codes; None: none. sigmoid: whether the logits become scores.
    """
    codes, logits = _listed(codes, code_size), _listed(logits, class_slots)
    if clip_range is not None:
        codes = tf.clip_by_value(codes, *clip_range)
    return codes, tf.sigmoid(logits) if sigmoid else logits


def _listed(maps: Sequence[tf.Tensor], size: int) -> tf.Tensor:
    rows = [tf.reshape(each, [tf.shape(each)[0], -1, size]) for each in maps]
    return tf.cast(tf.concat(rows, axis=1), tf.float32)


def bounds(box_encodings_clip_range: Mapping[str, float] | None) -> tuple[float, float] | None:
    """The bounds of box codes that the field of this name sets; None where it is not set. A bound left out is 0."""
    if box_encodings_clip_range is None:
        return None
    return box_encodings_clip_range.get("min", 0.0), box_encodings_clip_range.get("max", 0.0)
