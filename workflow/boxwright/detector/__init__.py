"""Detectors on plain TensorFlow: the families, their backbones, necks and heads, and the code that builds them."""
