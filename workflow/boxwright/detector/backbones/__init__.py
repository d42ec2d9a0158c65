"""Convolutional backbones, each a list of layers whose variables carry the OD API's checkpoint names."""
