"""Normalisations of pixels from 0 to 255 for the network, one module each; a row of the catalogue names the module.

Each has one function, `normalize(image)`: float32 [..., C] of 0 to 255, RGB if C is 3 -> float32 of the same shape. It
must be linear in each channel, and may change their order: the preview of the training normalises single colours to
find out how to undo it. `configured` is no such module: it adds what a feature extractor's message says.
"""
