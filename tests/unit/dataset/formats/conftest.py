"""Helpers of the tests of formats."""

from collections.abc import Callable

import pytest

from boxwright.dataset.statements import Reading


@pytest.fixture
def brief() -> Callable[[Reading], dict[str, list[tuple]]]:
    """Makes of a reading, for each image, its objects as (class, edges, shape or flags if there are any)."""

    def make(reading: Reading) -> dict[str, list[tuple]]:
        return {
            one.image: [
                (box.class_name, tuple(round(value, 6) for value in box.corners), *filter(None, (box.shape, box.flags)))
                for box in one.boxes
            ]
            for one in reading.statements
        }

    return make
