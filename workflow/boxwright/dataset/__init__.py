"""Reads, checks and splits an annotated data set, and plans its records. No TensorFlow."""
