"""Boxes: geometry, anchors, box coders, matchers, targets, losses, sampling, mining and suppression.

Pure functions and small objects on tensors. Boxes are float32 [..., ymin, xmin, ymax, xmax]; whether normalised or in
pixels is the caller's choice. Functions are batched, work inside and outside `tf.function` and hold no state. Classes
count from 0.

The packages below hold one module for each alternative that a configuration can choose, under the schema's name; its
`make` takes the schema's numbers. Nothing here checks them: the catalogue has already refused impossible values.
"""
