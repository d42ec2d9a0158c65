"""One limit on pixels for all stages, judged by the headers before anything is decoded."""

import struct
import zlib

import pytest
from tests import factories

from boxwright.core.errors import UserError
from boxwright.dataset import manifest, plan
from boxwright.dataset.samples import Box
from boxwright.images.loader import MAX_PIXELS, encode_for_record, load_rgb, probe
from boxwright.records.shards import write_shard


def bits(width, height):
    """A whole PNG of one bit a pixel."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packer = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    rows = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def planned(dataset, out, **changes):
    made = plan.make(dataset.settings(**changes), out)
    table = (out / "plan/checks.tsv").read_text()
    return made, table, {one.name for path in (out / "plan").glob("*.jsonl") for one in manifest.read(path)}


@pytest.mark.parametrize("verify", ["headers", "full"])
@pytest.mark.parametrize("kind", ["plain", "turned", "whole", "tiff"])
def test_a_huge_image_is_named_with_its_size_and_left_out(dataset, tmp_path, kind, verify):
    data = {
        "plain": lambda: factories.declared(factories.photo(1), 14000, 13000),
        "turned": lambda: factories.declared(factories.photo(1, orientation=6), 14000, 13000),
        "whole": lambda: bits(14000, 13000),
        "tiff": lambda: factories.encode(factories.Image.new("1", (14000, 13000)), "TIFF", compression="group4"),
    }[kind]()
    dataset.fill(10)
    name = {"whole": "huge.png", "tiff": "huge.tif"}.get(kind, "huge.jpg")
    dataset.sample(name, Box("cat", 10, 10, 500, 500), data=data, size=(14000, 13000))
    made, table, left = planned(dataset, tmp_path / "out", verify=verify)
    assert f"{name}\t\timage_huge\tdrop_image\t14000x13000 are 182,000,000 pixels" in table
    assert made.counts["defects"] == {"image_huge": 1} and len(left) == 10
    with pytest.raises(UserError, match="image_huge"):
        planned(dataset, tmp_path / "out", policies={"image_huge": "fail"})


def test_the_limit_can_be_moved(dataset, tmp_path):
    dataset.fill(10)
    assert len(planned(dataset, tmp_path / "out", max_pixels=64 * 48)[2]) == 10
    dataset.sample("more.jpg", data=factories.photo(1, 65, 48), size=(65, 48))
    assert "more.jpg" not in planned(dataset, tmp_path / "out", max_pixels=64 * 48)[2]
    assert "more.jpg" in planned(dataset, tmp_path / "out", max_pixels=65 * 48)[2]


def test_above_pillows_limit_every_stage_reads_an_image(dataset, tmp_path):
    """Pillow warns from half of its limit on, and refuses above it."""
    width, height = 13400, 13400
    assert width * height > MAX_PIXELS
    dataset.fill(4)
    data = bits(width, height)
    dataset.sample("huge.png", Box("cat", 10, 10, 5000, 5000), data=data, size=(width, height))
    made, _, left = planned(dataset, tmp_path / "out", max_pixels=200_000_000)
    assert "huge.png" in left
    for path in (tmp_path / "out/plan").glob("*.jsonl"):
        write_shard(path, made.classes, tmp_path / path.stem)
    assert encode_for_record(data) == (data, "png")
    assert load_rgb(data).shape == (height, width, 3)
    with pytest.raises(UserError, match=r"the image is too large: 13400x13400 are .* `dataset\.max_pixels`"):
        load_rgb(data, MAX_PIXELS)
    assert probe(data).problem == ""
