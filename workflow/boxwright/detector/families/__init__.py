"""Detectors by meta-architecture, made of built parts and numbers."""
