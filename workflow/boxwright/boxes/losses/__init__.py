"""Losses of single anchors, one module for each kind of classification and localisation loss.

They give unreduced values, so that a hard example miner can choose and the caller normalises.
"""
