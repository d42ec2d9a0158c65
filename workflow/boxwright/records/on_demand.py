"""Records that are made from image files when they are asked for, and kept nowhere: for images measured only once."""

from collections.abc import Mapping, Sequence

from boxwright.dataset.samples import PlannedSample, Sample, boxes_from_json
from boxwright.records.example import Encoder, Record, from_example
from boxwright.records.shards import record_of


class OnDemand(Sequence):
    """The records of some samples by their position: the same as those that `shards.write_shard` would write.

    Access raises UserError if an image is missing, cannot be read, or has changed since it was checked.
    """

    def __init__(self, samples: Sequence[PlannedSample], label_map: Mapping[str, int]):
        self._samples, self._encode = samples, Encoder(label_map)

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, position: int) -> Record:
        one = self._samples[position]
        sample = Sample(*one[:7], boxes_from_json(one.boxes), boxes_from_json(one.regions))
        return from_example(record_of(sample, self._encode))
