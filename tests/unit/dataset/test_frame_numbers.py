"""Frames that images count from 1 and annotations from 0."""

import pytest

from boxwright.dataset import frame_numbers, pairing
from boxwright.dataset.pairing import Claim
from boxwright.dataset.scan import File


@pytest.mark.parametrize(
    ("images", "told"),
    [((1, 2, 3, 4), True), ((0, 1, 2, 3), False), ((1, 2, 3), False), ((1, 3, 4), False), ((0, 1, 2, 3, 4), False)],
)
def test_frames_that_are_one_off(images, told):
    files = [File(0, f"frame_{number:06d}.png", f"x/frame_{number:06d}.png") for number in images]
    claims = [Claim(File(0, "a.xml", "x/a.xml"), f"frame_{number:06d}", alone=False) for number in range(4)]
    found = list(frame_numbers.shifted(files, claims, pairing.match(files, claims, parallel=True)))
    assert [claim.image for claim, _ in found] == ["frame_000000"] * told
    assert all("frame_000004.png lies behind its last frame" in why for _, why in found)
