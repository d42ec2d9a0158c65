"""Counts, histograms and samples of a data set, from its manifests."""

import pytest

from boxwright.dataset import statistics
from boxwright.dataset.samples import Box, Sample


def sample(name, boxes, size=(200, 100), regions=()):
    kinds = (tuple(Box(*box) for box in some) for some in (boxes, regions))
    return Sample(name, name, "", *size, "jpeg", (), *kinds)


def manifests(folder, **sides):
    """One manifest per list of samples: train=[[...], [...]]."""
    paths = {}
    for side, shards in sides.items():
        paths[side] = [folder / f"{side}-{index}.jsonl" for index in range(len(shards))]
        for path, samples in zip(paths[side], shards, strict=True):
            path.write_text("".join(one.to_json() + "\n" for one in samples))
    return paths


def bin_of(found, name, value):
    """The count of the bin that holds `value`."""
    edges = statistics.BINS[name]
    index = max(i for i, edge in enumerate(edges[:-1]) if edge <= value)
    return found[name][index]


def test_counts_of_both_sides(tmp_path):
    train = [
        [sample("a", [("cat", 0, 0, 64, 64), ("cat", 0, 0, 20, 80)]), sample("b", [])],
        [sample("c", [("dog", 10, 10, 42, 26, True)])],
    ]
    paths = manifests(tmp_path, train=train, eval=[[sample("d", [("dog", 0, 0, 8, 8)], size=(64, 64))]])
    found = statistics.of(paths, {"cat": 1, "dog": 2})
    assert found["classes"] == {"cat": 1, "dog": 2}
    side = found["train"]
    assert (side["images"], side["boxes"], side["negatives"], side["most_boxes"], side["difficult"]) == (3, 3, 1, 2, 1)
    assert side["classes"] == {"cat": 2, "dog": 1}
    assert side["images_with"] == {"cat": 1, "dog": 1}
    assert bin_of(side, "box_side", 64) == 1  # 64 x 64
    assert bin_of(side, "box_side", 40) == 1  # 20 x 80
    assert bin_of(side, "box_aspect", 0.25) == 1
    assert bin_of(side, "box_aspect", 1.0) == 1
    assert bin_of(side, "box_aspect", 2.0) == 1
    assert bin_of(side, "boxes_per_image", 0) == 1
    assert bin_of(side, "image_side", 200) == 3
    assert found["eval"]["classes"] == {"dog": 1} and bin_of(found["eval"], "image_side", 64) == 1
    for name, edges in statistics.BINS.items():
        assert len(side[name]) == len(edges) - 1
        assert sum(side[name]) == 3


def test_what_lies_beyond_the_bins_counts_at_their_ends(tmp_path):
    huge = sample("a", [("cat", 0, 0, 90000, 100), ("cat", 0, 0, 0.5, 0.5)], size=(100000, 100))
    side = statistics.of(manifests(tmp_path, train=[[huge]], eval=[[]]), {"cat": 1})["train"]
    assert side["box_aspect"][-1] == 1 and side["box_side"][0] == 1 and side["image_side"][-1] == 1


def test_an_empty_side(tmp_path):
    side = statistics.of(manifests(tmp_path, train=[[]], eval=[[]]), {})["eval"]
    assert (side["images"], side["boxes"], side["classes"]) == (0, 0, {})


def test_a_sample_is_the_same_for_one_seed_and_nearly_so_when_an_image_comes(tmp_path):
    many = [sample(f"image {index:03d}", [("cat", 0, 0, 9, 9)] if index % 2 else []) for index in range(200)]
    paths = manifests(tmp_path, train=[many[:90], many[90:]])["train"]
    chosen = statistics.sample(paths, 12, seed=3)
    assert [one.name for one in chosen] == sorted({one.name for one in chosen})
    assert chosen == statistics.sample(paths[::-1], 12, seed=3)
    assert chosen != statistics.sample(paths, 12, seed=4)
    assert all(one.boxes for one in statistics.sample(paths, 50, boxed=True))
    more = manifests(tmp_path, train=[[*many, sample("new", [])]])["train"]
    assert len({one.name for one in statistics.sample(more, 12, seed=3)} - {one.name for one in chosen}) <= 1


@pytest.mark.parametrize("most", [0, 500])
def test_a_sample_is_no_larger_than_asked_or_than_there_is(tmp_path, most):
    paths = manifests(tmp_path, train=[[sample("a", []), sample("b", [])]])["train"]
    assert len(statistics.sample(paths, most)) == min(most, 2)


def test_ignore_regions_are_counted_apart_and_only_where_there_are_any(tmp_path):
    box, region = ("cat", 0, 0, 64, 64), ("", 0, 0, 20, 80)
    regions = [sample("a", [box], regions=[region, region]), sample("b", [], regions=[region]), sample("c", [box])]
    found = statistics.of(manifests(tmp_path, train=[regions], eval=[[sample("d", [box])]]), {"cat": 1})
    assert (found["train"]["regions"], found["train"]["images_with_regions"]) == (3, 2)
    assert found["train"]["boxes"] == 2 and sum(found["train"]["box_side"]) == 2
    assert not {"regions", "images_with_regions"} & found["eval"].keys()
