"""Reads, prints, patches, overrides and lints a pipeline.config, and identifies what decides a training."""
