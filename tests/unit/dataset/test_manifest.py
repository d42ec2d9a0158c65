"""Manifests of a shard."""

from itertools import pairwise

import pytest

from boxwright.core.errors import UserError
from boxwright.dataset import manifest
from boxwright.dataset.samples import Sample


@pytest.fixture
def path(tmp_path):
    lines = [Sample(f"{n:03d}" + "x" * (n % 7), "i", "s", n + 1, 1, "jpeg", (), ()).to_json() for n in range(100)]
    (tmp_path / "train.jsonl").write_text("".join(line + "\n" for line in lines))
    return tmp_path / "train.jsonl"


def numbers(samples):
    return [sample.width - 1 for sample in samples]


def test_read_gives_all(path):
    assert numbers(manifest.read(path)) == list(range(100))


@pytest.mark.parametrize("small", [0, manifest.SMALL])
def test_some_are_spread_over_the_whole_and_each_is_there_once(path, small, monkeypatch):
    monkeypatch.setattr(manifest, "SMALL", small)
    found = numbers(manifest.some(path, 10))
    assert len(found) in (9, 10) and found == sorted(set(found))
    assert found[0] in (0, 1) and found[-1] >= 85
    assert max(b - a for a, b in pairwise(found)) <= 15


def test_some_of_few_are_all(path):
    assert numbers(manifest.some(path, 5000)) == list(range(100))


def test_an_empty_manifest(tmp_path):
    (tmp_path / "eval.jsonl").touch()
    assert list(manifest.some(tmp_path / "eval.jsonl", 5)) == []


@pytest.mark.parametrize("damage", [b"[]\n", b"{}\n", b"\0\n", b"{\n", b'{"fixes": 5}\n', b"\xff\n"])
def test_a_damaged_list_is_refused_in_words(tmp_path, damage):
    path = tmp_path / "train-00000-of-00001.jsonl"
    path.write_bytes(damage)
    for read in (lambda: list(manifest.read(path)), lambda: list(manifest.some(path, 5))):
        with pytest.raises(UserError, match=r"train-00000-of-00001\.jsonl, a list of the samples .* Run again"):
            read()
