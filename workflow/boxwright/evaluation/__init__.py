"""Evaluation of a detector: its detections on a set of records, their metrics, and the choice of a checkpoint."""
