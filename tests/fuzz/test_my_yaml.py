"""Mutants of my.yaml, through the settings' checks. Independent reading: yaml.safe_load."""

import datetime
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import strategies as st

from boxwright.core.errors import UserError
from boxwright.run import config_file, settings
from tests.fuzz.fuzzing import fuzz, told
from tests.fuzz.mutations import NUMBERS, ODD_TEXT, listed, mutants

_TEXTS = [
    """dataset:
  images: images
  annotations: [images, more]
  split: {eval_fraction: 0.25, seed: 3}
  classes: {rename: {kat: cat}, ignore: [dog]}
models:
  raccoons:
    pipeline: pipeline.config
    num_steps: 1000
    checkpoint_every: 250
    early_stopping: {patience: 2, min_delta: 1.0e-3}
    overrides: {model.ssd.num_classes: 3}
""",
    """# defaults
results: out/run 1
dataset: &data {demo: true, shards: {train: 2, eval: 1}}
models:
  a: &model {pipeline: pipeline.config, num_steps: 10, checkpoint_every: 4.0, seed: [0, 1]}
  b: {<<: *model, seed: 5, precision: bfloat16, gpus: 0}
export: {checkpoint: last}
predict: {images: ~, score_threshold: .5}
""",
    """{"dataset": {"demo": true},
"models": {"m": {"pipeline": "pipeline.config", "num_steps": 8, "checkpoint_every": 4}}}
""",
]
SEEDS = [text.encode() for text in _TEXTS]
WORDS = [
    *listed(
        "&a |*a|*model|<<: *model|!!python/object:os.system |!!binary |!!set {|!!omap |!!float |? |- |: |, |{|}|[|]"
    ),
    *listed("2020-01-01|0o17|1:30|.nan|-.inf|yes|null|~/x|{model}|!!python/name:os.system"),
    *("---\n", "...\n", "|\n  ", ">-\n  ", "%YAML 1.2\n", "\n  raccoons: {}", "\ndataset: 1", "&a [*a]"),
    *("[" * 200, "x" * 300),
]
_VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 4.0, 1.5, math.nan, math.inf, -math.inf, 1e12, 10**20, -(10**30), 2**31),
    *("", " ", "a\nb", "x" * 300, *listed("x|~|~/x|..|/dev/null|{model}|<x>|images|zoo:|zoo:nothing")),
    *([], {}, [1, 1], [None], ["images", 3], {"a": 1}, {1: 2}, {None: 1}, datetime.date(2020, 1, 1), b"x"),
    *(*NUMBERS[:12], *ODD_TEXT),
]


def _places(node: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of all keys of the schema; the models' own keys are those of a model called m."""
    for key, child in node.get("properties", {}).items():
        yield (*path, key)
        yield from _places(child, (*path, key))
    if isinstance(others := node.get("additionalProperties"), dict):
        yield (*path, "m")
        yield from _places(others, (*path, "m"))


_SCHEMA = yaml.safe_load(config_file.SCHEMA.read_text(encoding="utf-8"))
_PLACES = list(_places(_SCHEMA))
_place, _value = st.sampled_from(_PLACES), st.sampled_from(_VALUES)
_key = st.sampled_from(["m", "n", "seed", "mÿ", "x y", "-", "a" * 300, "m\n", "m-seed0", "", "nul\0", "ab" * 30])


@st.composite
def _changed(draw: Callable) -> bytes:
    """A sound configuration with some values, or keys, that are odd."""
    config = yaml.safe_load(_TEXTS[2])
    for _ in range(draw(st.integers(1, 4))):
        *above, last = draw(_place)
        node = config
        for key in above:
            if not isinstance(node.get(key), dict):
                node[key] = {}
            node = node[key]
        node[last if draw(st.integers(0, 9)) else draw(_key)] = draw(_value)
    return yaml.safe_dump(config, allow_unicode=draw(st.booleans())).encode()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with what the seeds name."""
    for name in ("images", "more"):
        (tmp_path / name).mkdir()
    (tmp_path / "pipeline.config").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _differences(given: Any, taken: Any, where: str) -> Iterator[str]:
    """The keys whose values in the settings are not those of the file; defaults are in the settings alone."""
    if isinstance(given, dict) and isinstance(taken, dict):
        for key, value in given.items():
            here = f"{where}.{key}".lstrip(".")
            yield from _differences(value, taken.get(str(key), "nothing"), here)
    elif where == "results":
        if Path(given).expanduser() != Path(taken):
            yield where
    elif isinstance(given, str) and isinstance(taken, str) and given.startswith("~"):
        return
    elif taken not in (given, [given]) or isinstance(given, bool) != isinstance(taken, bool):
        yield where


@fuzz(mutants(SEEDS, words=WORDS, text=True) | _changed())
def test_my_yaml(data: bytes, folder: Path) -> None:
    """Every key has the value that the file gives it, or one error names what is wrong."""
    path = folder / "my.yaml"
    path.write_bytes(data)
    got = told(settings.read, path)
    if isinstance(got, UserError):
        return
    try:
        other = yaml.safe_load(data.decode("utf-8-sig"))
    except yaml.YAMLError:
        assert b"\t" in data, "read, although PyYAML reads nothing"  # libyaml takes tabs in more places
        return
    models = other.pop("models")
    assert not list(_differences(other, got, ""))
    for name, given in models.items():
        seeds = given.pop("seed", 0)
        names = [f"{name}-seed{int(seed)}" for seed in seeds] if isinstance(seeds, list) else [str(name)]
        for one in names:
            assert not list(_differences(given, got["models"][one], f"models.{one}"))
    assert all(len(settings.checkpoint_steps(model)) <= settings.MOST_CHECKPOINTS for model in got["models"].values())


def test_seeds_are_read(folder: Path) -> None:
    """The seeds are sound, so that the mutants of them come near."""
    for data in SEEDS:
        (folder / "my.yaml").write_bytes(data)
        assert settings.read(folder / "my.yaml")["models"]
