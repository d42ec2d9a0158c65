"""Necks: from the feature maps of a backbone to those that the heads look at."""
