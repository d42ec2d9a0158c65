"""Tells where frames of a video seem to be counted from 1 in the images and from 0 in the annotations.

Then the annotation of each frame has the name of the image before, and every box is one frame off. Only the ends show
it: the first frame has no image, and there is an image behind the last one. Nothing is moved: a frame may be missing.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from boxwright.dataset import pairing
from boxwright.dataset.pairing import Claim, Pairing
from boxwright.dataset.scan import File

_FRAME = re.compile(r"frame_(\d{6})")


def shifted(images: Sequence[File], claims: Sequence[Claim], paired: Pairing) -> Iterator[tuple[Claim, str]]:
    """The first frame of each such video, with a clause about it."""
    of_file: dict[str, dict[int, int]] = defaultdict(dict)
    for index, claim in enumerate(claims):
        if found := _FRAME.fullmatch(claim.image):
            of_file[claim.file.path][int(found[1])] = index
    if not of_file:
        return
    free = {pairing.stem(image.base): image for image, of in zip(images, paired.claim, strict=True) if of is None}
    lost = set(paired.orphans)
    for frames in of_file.values():
        behind = free.get(f"frame_{max(frames) + 1:06d}")
        if behind and 0 in frames and len(lost.intersection(frames.values())) == 1 and frames[0] in lost:
            yield (
                claims[frames[0]],
                f"it counts frames from 0, but there is no image of frame 0, and {behind.relative} lies behind its "
                "last frame; if the images count from 1, as ffmpeg does, every box is one frame off: rename the images "
                "(`ffmpeg -start_number 0`)",
            )
