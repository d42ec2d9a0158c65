"""Image resizers, one module for each kind: they resize an image, and some pad it.

Importing them does not start TensorFlow, so the size of a resized image can be computed without it.
"""
