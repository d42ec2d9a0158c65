"""tf.Example records: keys and types as the OD API's, and the annotation back unchanged."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from boxwright import protos
from boxwright.core.errors import UserError
from boxwright.dataset.samples import Box, Sample
from boxwright.records.example import Encoder, from_example, to_example

ENCODED = b"\xff\xd8 the bytes of a photograph \xff\xd9"
LABEL_MAP = {"Katze": 1, "Bär": 2, "dog": 3}
SAMPLE = Sample(
    name="zoo/Bär 1.jpg",
    image="/photos/zoo/Bär 1.jpg",
    sha256=hashlib.sha256(ENCODED).hexdigest(),
    width=641,
    height=480,
    format="jpeg",
    fixes=(),
    boxes=(
        Box("Bär", 0.0, 1.5, 641.0, 480.0, difficult=True, pose="Frontal"),
        Box("Katze", 33.25, 77.0, 120.0, 90.5, truncated=True),
    ),
)
NEGATIVE = SAMPLE._replace(name="empty.jpg", boxes=())

# Key and type of every feature that the OD API's Pascal VOC script writes, and the area of its COCO script.
TYPES = {
    "image/height": "int64_list",
    "image/width": "int64_list",
    "image/filename": "bytes_list",
    "image/source_id": "bytes_list",
    "image/key/sha256": "bytes_list",
    "image/encoded": "bytes_list",
    "image/format": "bytes_list",
    "image/object/bbox/xmin": "float_list",
    "image/object/bbox/xmax": "float_list",
    "image/object/bbox/ymin": "float_list",
    "image/object/bbox/ymax": "float_list",
    "image/object/area": "float_list",
    "image/object/class/text": "bytes_list",
    "image/object/class/label": "int64_list",
    "image/object/difficult": "int64_list",
    "image/object/truncated": "int64_list",
    "image/object/view": "bytes_list",
}


@pytest.mark.parametrize("sample", [SAMPLE, NEGATIVE])
def test_keys_and_types(sample):
    features = protos.Example.FromString(to_example(sample, ENCODED, LABEL_MAP)).features.feature
    assert {key: feature.WhichOneof("kind") for key, feature in features.items()} == TYPES


def test_what_was_encoded_before_leaves_no_trace():
    encode = Encoder(LABEL_MAP)
    unknown = SAMPLE._replace(boxes=(Box("bird", 1, 1, 9, 9),))
    for sample in (SAMPLE, NEGATIVE, SAMPLE, unknown, NEGATIVE):
        encoded = sample.name.encode() * (100_000 if sample is NEGATIVE else 1)
        if sample is unknown:
            with pytest.raises(UserError, match="does not know bird"):
                encode(sample, encoded)
        else:
            assert encode(sample, encoded) == to_example(sample, encoded, LABEL_MAP)


def test_ignore_regions_come_last_and_are_marked():
    regions = (Box("dog", 1, 2, 30, 40, difficult=True), Box("", 5, 6, 70, 80), Box("emu", 5, 6, 7, 8))
    sample = SAMPLE._replace(regions=regions)
    encode = Encoder(LABEL_MAP)
    data = encode(sample, ENCODED)
    features = protos.Example.FromString(data).features.feature
    assert {key: feature.WhichOneof("kind") for key, feature in features.items()} == TYPES | {
        "image/object/is_crowd": "int64_list"
    }
    record = from_example(data)
    assert record.is_crowd.tolist() == [False, False, True, True, True]
    assert record.class_text == ("Bär", "Katze", "dog", "", "") and record.classes.tolist() == [2, 1, 3, 0, 0]
    assert record.difficult.tolist() == [True, False, True, False, False]
    assert encode(SAMPLE, ENCODED) == to_example(SAMPLE, ENCODED, LABEL_MAP), "the mark does not stay"


@pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="this system does not tell a process's memory")
def test_encoding_many_samples_takes_the_memory_of_one():
    def megabytes():
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    encode, photograph = Encoder(LABEL_MAP), bytes(100_000)
    encode(SAMPLE, photograph)
    before = megabytes()
    for _ in range(1000):  # 100 MB
        encode(SAMPLE, photograph, sha256=SAMPLE.sha256)
    assert megabytes() - before < 20


def test_round_trip_gives_the_annotation():
    record = from_example(to_example(SAMPLE, ENCODED, LABEL_MAP))
    assert record.encoded == ENCODED
    assert (record.format, record.filename, record.source_id) == ("jpeg", SAMPLE.name, SAMPLE.name)
    assert record.sha256 == SAMPLE.sha256
    assert (record.width, record.height) == (641, 480)
    assert record.boxes.dtype == np.float32
    pixels = record.boxes[:, [1, 0, 3, 2]] * [641, 480, 641, 480]
    np.testing.assert_allclose(pixels, [box.corners for box in SAMPLE.boxes], atol=1e-4)
    assert record.classes.tolist() == [2, 1]
    assert record.class_text == ("Bär", "Katze")
    assert record.difficult.tolist() == [True, False]
    assert record.truncated.tolist() == [False, True]
    assert record.pose == ("Frontal", "Unspecified")
    assert record.area.tolist() == [641 * 478.5, 86.75 * 13.5]
    assert record.is_crowd.tolist() == [False, False]


def test_image_without_objects():
    record = from_example(to_example(NEGATIVE, ENCODED, LABEL_MAP))
    assert record.boxes.shape == (0, 4)
    assert record.classes.shape == record.area.shape == record.difficult.shape == record.is_crowd.shape == (0,)
    assert record.class_text == record.pose == ()


def test_box_at_the_edge_is_exactly_one():
    record = from_example(to_example(SAMPLE, ENCODED, LABEL_MAP))
    assert record.boxes[0].tolist() == [np.float32(1.5 / 480), 0.0, 1.0, 1.0]


def test_bytes_are_deterministic_and_do_not_depend_on_the_order_of_the_label_map():
    turned = dict(reversed(LABEL_MAP.items()))
    assert to_example(SAMPLE, ENCODED, LABEL_MAP) == to_example(SAMPLE, ENCODED, turned)


def test_reencoded_image_has_its_own_format_and_hash():
    record = from_example(to_example(SAMPLE, b"\x89PNG ...", LABEL_MAP, image_format="png"))
    assert (record.format, record.sha256) == ("png", hashlib.sha256(b"\x89PNG ...").hexdigest())


def test_unknown_class_is_named():
    with pytest.raises(UserError, match=r"zoo/Bär 1\.jpg: the label map does not know Katze"):
        to_example(SAMPLE, ENCODED, {"Bär": 1})


def made_by_others(**changes):
    """A record with the fewest keys, as other programs write them; a change to None removes a key."""
    values = {
        "image/encoded": [ENCODED],
        "image/source_id": [b"7"],
        "image/height": [10],
        "image/width": [20],
        "image/object/bbox/ymin": [0.0, 0.5],
        "image/object/bbox/xmin": [0.0, 0.5],
        "image/object/bbox/ymax": [0.5, 1.0],
        "image/object/bbox/xmax": [0.25, 1.0],
        "image/object/class/label": [3, 1],
    } | {key.replace("__", "/"): value for key, value in changes.items()}
    example = protos.Example()
    for key, value in values.items():
        if value is not None:
            kind = {bytes: "bytes_list", float: "float_list", int: "int64_list"}[type(value[0])]
            getattr(example.features.feature[key], kind).value.extend(value)
    return example.SerializeToString()


def test_record_with_the_fewest_keys():
    record = from_example(made_by_others(image__object__is_crowd=[0, 1]))
    assert record.format == "jpeg"
    assert record.classes.tolist() == [3, 1]
    assert record.class_text == ("", "")
    np.testing.assert_allclose(record.area, [5 * 5, 5 * 10], rtol=1e-6)
    assert record.is_crowd.tolist() == [False, True]


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"image__encoded": None}, r"record of 7 has no image \(image/encoded\)"),
        ({"image__object__bbox__xmax": [0.5]}, r"record of 7 .* 2 boxes .* 1 value of image/object/bbox/xmax"),
        ({"image__object__class__label": None}, r"2 boxes .* 0 values of image/object/class/label"),
        ({"image__object__area": [1.0, 2.0, 3.0]}, r"3 values of image/object/area"),
    ],
)
def test_unsound_record_is_named(changes, message):
    with pytest.raises(UserError, match=message):
        from_example(made_by_others(**changes))


def test_no_example():
    with pytest.raises(UserError, match=r"not a tf\.Example"):
        from_example(b"\x0a\xff\xff")
