"""Annotated photographs: reading, checking, splitting and planning them. Nothing here imports TensorFlow."""
