"""Marks of recorded cases that are not for every day."""

import pytest

LARGE = (pytest.mark.slow, pytest.mark.alone)
