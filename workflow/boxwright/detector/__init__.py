"""Detectors on plain TensorFlow: backbones, heads, meta-architectures, and the checkpoints that carry their weights."""
