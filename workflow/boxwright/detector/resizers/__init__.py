"""Image resizers: one image in, a resized and perhaps padded one out. One module for each kind.

Importing them does not start TensorFlow: what size an image will have is known without it.
"""
