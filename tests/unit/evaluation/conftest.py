"""The small detector."""

from small_detector import config, prefix

__all__ = ["config", "prefix"]
