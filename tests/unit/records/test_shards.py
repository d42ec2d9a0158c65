"""A shard: TensorFlow reads it as it would read the OD API's own, and what cannot be written is named."""

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from boxwright import tfrecord
from boxwright.core.errors import UserError
from boxwright.dataset.samples import Box, Sample
from boxwright.images import loader
from boxwright.records.example import from_example
from boxwright.records.shards import Counts, write_shard

LABEL_MAP = {"cat": 1, "dog": 2}


def picture(seed, size=(32, 24), **save):
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1] // 8, size[0] // 8, 3), np.uint8)
    data = io.BytesIO()
    Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC).save(data, **save)
    return data.getvalue()


def sample_of(folder, name, data, boxes=(), fixes=(), size=(32, 24)):
    (folder / name).write_bytes(data)
    image_format = loader.probe(data).format
    return Sample(name, str(folder / name), hashlib.sha256(data).hexdigest(), *size, image_format, fixes, boxes)


@pytest.fixture
def samples(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    boxes = (Box("dog", 1, 2, 31, 20, difficult=True), Box("cat", 0, 0, 8.5, 24, truncated=True, pose="Left"))
    return [
        sample_of(tmp_path, "a.jpg", picture(1, format="JPEG"), boxes),
        sample_of(tmp_path, "b.png", picture(2, format="PNG")),
        sample_of(tmp_path, "c.jpg", picture(3, format="JPEG", exif=exif), boxes[1:], ("upright",), size=(24, 32)),
    ]


def write_manifest(folder, samples):
    path = folder / "train-00000-of-00001.jsonl"
    path.write_text("".join(sample.to_json() + "\n" for sample in samples), encoding="utf-8")
    return path


def test_counts_and_records(tmp_path, samples):
    out = tmp_path / "train.tfrecord"
    assert write_shard(write_manifest(tmp_path, samples), LABEL_MAP, out) == Counts(3, 3, empty=1, reencoded=1)
    records = [from_example(data) for data in tfrecord.read(out)]
    assert [record.source_id for record in records] == ["a.jpg", "b.png", "c.jpg"]
    for record, sample in zip(records, samples, strict=True):
        assert record.sha256 == hashlib.sha256(record.encoded).hexdigest()
        pixels = record.boxes[:, [1, 0, 3, 2]] * np.tile([sample.width, sample.height], 2)
        np.testing.assert_allclose(pixels, np.reshape([box.corners for box in sample.boxes], (-1, 4)), atol=1e-4)
        shown = loader.load_rgb(record.encoded)
        assert shown.shape == (record.height, record.width, 3) == (sample.height, sample.width, 3)
        np.testing.assert_array_equal(shown, loader.load_rgb(sample.image))
    assert [record.format for record in records] == ["jpeg", "png", "png"]
    assert [record.sha256 == sample.sha256 for record, sample in zip(records, samples, strict=True)] == [
        True,
        True,
        False,
    ]


def test_equal_inputs_give_equal_bytes(tmp_path, samples):
    manifest = write_manifest(tmp_path, samples)
    for name in ("one", "two"):
        write_shard(manifest, LABEL_MAP, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_empty_manifest_gives_a_shard_without_records(tmp_path):
    out = tmp_path / "empty.tfrecord"
    assert write_shard(write_manifest(tmp_path, []), LABEL_MAP, out) == Counts(0, 0, 0, 0)
    assert out.read_bytes() == b""


def test_all_changed_and_missing_images_are_named_and_nothing_is_written(tmp_path, samples):
    manifest = write_manifest(tmp_path, samples)
    (tmp_path / "a.jpg").write_bytes(picture(9, format="JPEG"))
    (tmp_path / "c.jpg").unlink()
    out = tmp_path / "out" / "train.tfrecord"
    out.parent.mkdir()
    out.write_bytes(b"older")
    with pytest.raises(UserError) as error:
        write_shard(manifest, LABEL_MAP, out)
    first, *rest = str(error.value).splitlines()
    assert str(out) in first
    assert [line.split("/")[-1].split(" ")[0] for line in rest] == ["a.jpg", "c.jpg"]
    assert "has changed since the data set was planned" in rest[0]
    assert "No such file" in rest[1]
    assert [path.name for path in out.parent.iterdir()] == ["train.tfrecord"]
    assert out.read_bytes() == b"older"


def test_unknown_class_and_missing_manifest(tmp_path, samples):
    with pytest.raises(UserError, match=r"a\.jpg: the label map does not know cat"):
        write_shard(write_manifest(tmp_path, samples), {"dog": 1}, tmp_path / "out")
    with pytest.raises(UserError, match=r"missing\.jsonl, is missing"):
        write_shard(tmp_path / "missing.jsonl", LABEL_MAP, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_many_bad_images_make_a_short_message(tmp_path):
    data = picture(1, format="JPEG")
    many = [sample_of(tmp_path, f"{i:03}.jpg", data) for i in range(50)]
    for sample in many:
        (tmp_path / sample.name).unlink()
    with pytest.raises(UserError, match=r"019\.jpg .*\n\.\.\. and 30 more$"):
        write_shard(write_manifest(tmp_path, many), LABEL_MAP, tmp_path / "out")


def test_tensorflow_reads_the_same(tmp_path, samples):
    tf = pytest.importorskip("tensorflow")
    out = tmp_path / "train.tfrecord"
    write_shard(write_manifest(tmp_path, samples), LABEL_MAP, out)

    # The features that the OD API's decoder asks for, with its types and defaults.
    spec = {
        "image/encoded": tf.io.FixedLenFeature((), tf.string, default_value=""),
        "image/format": tf.io.FixedLenFeature((), tf.string, default_value="jpeg"),
        "image/filename": tf.io.FixedLenFeature((), tf.string, default_value=""),
        "image/key/sha256": tf.io.FixedLenFeature((), tf.string, default_value=""),
        "image/source_id": tf.io.FixedLenFeature((), tf.string, default_value=""),
        "image/height": tf.io.FixedLenFeature((), tf.int64, default_value=1),
        "image/width": tf.io.FixedLenFeature((), tf.int64, default_value=1),
    }
    spec |= {f"image/object/bbox/{c}": tf.io.VarLenFeature(tf.float32) for c in ("ymin", "xmin", "ymax", "xmax")}
    spec |= {f"image/object/{key}": tf.io.VarLenFeature(tf.float32) for key in ("area", "weight")}
    spec |= {
        f"image/object/{key}": tf.io.VarLenFeature(tf.int64)
        for key in ("class/label", "is_crowd", "difficult", "truncated", "group_of")
    }
    spec |= {f"image/object/{key}": tf.io.VarLenFeature(tf.string) for key in ("class/text", "view")}

    read = list(tf.data.TFRecordDataset(str(out)))
    assert len(read) == len(samples)
    for raw, data in zip(read, tfrecord.read(out), strict=True):
        assert raw.numpy() == data
        parsed = tf.io.parse_single_example(raw, spec)
        ours = from_example(data)

        def strings(key, parsed=parsed):
            return parsed[key].numpy().decode()

        def values(key, parsed=parsed):
            return parsed[f"image/object/{key}"].values.numpy()

        assert parsed["image/encoded"].numpy() == ours.encoded
        assert strings("image/format") == ours.format
        assert strings("image/filename") == ours.filename
        assert strings("image/source_id") == ours.source_id
        assert strings("image/key/sha256") == ours.sha256
        assert (parsed["image/width"].numpy(), parsed["image/height"].numpy()) == (ours.width, ours.height)
        boxes = np.stack([values(f"bbox/{corner}") for corner in ("ymin", "xmin", "ymax", "xmax")], axis=-1)
        np.testing.assert_array_equal(boxes, ours.boxes)
        np.testing.assert_array_equal(values("area"), ours.area)
        np.testing.assert_array_equal(values("class/label"), ours.classes)
        np.testing.assert_array_equal(values("difficult"), ours.difficult)
        np.testing.assert_array_equal(values("truncated"), ours.truncated)
        assert tuple(text.decode() for text in values("class/text")) == ours.class_text
        assert tuple(text.decode() for text in values("view")) == ours.pose
        for absent in ("weight", "is_crowd", "group_of"):
            assert values(absent).size == 0
        pixels = tf.io.decode_image(parsed["image/encoded"], channels=3).numpy()
        assert pixels.shape == (ours.height, ours.width, 3)


def test_real_photographs(tmp_path, shared):
    folder = shared / "data" / "raccoon" / "images"
    chosen = sorted(folder.glob("*.jpg"))[:25]
    samples = []
    for path in chosen:
        data = path.read_bytes()
        info = loader.probe(data)
        box = Box("cat", 1, 1, info.width - 0.5, info.height)
        samples.append(
            Sample(
                path.name, str(path), hashlib.sha256(data).hexdigest(), info.width, info.height, info.format, (), (box,)
            )
        )
    assert len(samples) == 25
    out = tmp_path / "photos.tfrecord"
    write_shard(write_manifest(tmp_path, samples), LABEL_MAP, out)
    with tfrecord.Index([out], counts=[25]) as index:
        for i, path in enumerate(chosen):
            record = from_example(index[i])
            assert record.encoded == path.read_bytes()
            assert loader.load_rgb(record.encoded).shape[:2] == (record.height, record.width)
