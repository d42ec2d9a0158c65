"""Anchors: the boxes at fixed places and sizes from which a detector predicts offsets.

One module for each kind of anchor generator; importing them does not start TensorFlow.
"""
