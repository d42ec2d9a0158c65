"""Measuring a detector: detections over a set of records, their metrics, and the choice of a checkpoint."""
