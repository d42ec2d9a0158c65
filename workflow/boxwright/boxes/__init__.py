"""Box geometry, anchors, box coder, matcher, targets, losses and non-maximum suppression: pure functions on tensors.

Boxes are float32 `[..., ymin, xmin, ymax, xmax]`; whether normalised or in pixels is the caller's choice. Functions are
batched, work inside and outside `tf.function`, hold no state and take their settings from the pipeline.config messages.
Classes count from 0. Settings that a module does not support raise `UserError` when they are read, never later.
"""
