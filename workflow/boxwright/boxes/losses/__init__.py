"""Losses of single anchors, one module for each kind of classification and localisation loss.

Their values are not reduced, so that a hard example miner can choose among them. The caller normalises them.
"""
