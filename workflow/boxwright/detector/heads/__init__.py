"""Heads: what is predicted from feature maps or regions."""
