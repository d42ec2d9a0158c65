"""Detectors on plain TensorFlow: families, made of backbones, necks, heads and boxes, and what builds them."""
