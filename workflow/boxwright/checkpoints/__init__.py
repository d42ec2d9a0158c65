"""TF1 and TF2 checkpoints, frozen graphs as a source of weights, and loading a detector's start weights."""
