"""Maps of the whole image, of which each bin of a region reads its own channels (R-FCN)."""

from collections.abc import Iterator

from google.protobuf.message import Message

from boxwright.catalog.ranges import CHANNELS, Range
from boxwright.catalog.spec import Break, Only, Spec, relation

_BINS, _SAMPLES = Range(1, 20), Range(1, 200)


@relation("num_spatial_bins_height", "num_spatial_bins_width", "crop_height", "crop_width")
def _samples(message: Message) -> Iterator[Break]:
    """All bins of a region have the same number of samples."""
    for side in ("height", "width"):
        bins, samples = getattr(message, f"num_spatial_bins_{side}"), getattr(message, f"crop_{side}")
        if samples % bins:
            why = f"it must be a multiple of num_spatial_bins_{side}, which is {bins}"
            yield f"crop_{side}", samples, why, samples + -samples % bins


SPEC = Spec(
    fields={
        "num_spatial_bins_height": _BINS,
        "num_spatial_bins_width": _BINS,
        "depth": Range(1, CHANNELS),
        "crop_height": _SAMPLES,
        "crop_width": _SAMPLES,
        "box_code_size": Only(4),
    },
    relations=(_samples,),
)
