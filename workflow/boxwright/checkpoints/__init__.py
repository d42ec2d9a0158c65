"""Checkpoint files of TF1 and TF2, frozen graphs as a source of weights, and a detector's start from them."""
