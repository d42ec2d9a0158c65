"""Whatever my.yaml holds: the settings are right, or a sentence names the key. The values are drawn over the schema."""

import copy
import datetime
import json
import math
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from tests.factories import DataSet
from tests.workflow.conftest import small_model

from boxwright.core.errors import UserError
from boxwright.dataset.samples import Box
from boxwright.run import config_file, preflight, settings
from boxwright.run.identities import Identities
from boxwright.run.plan import RunPlan

SCHEMA = yaml.safe_load(config_file.SCHEMA.read_text(encoding="utf-8"))
SLOWEST_S = 5

# The same draws in every run; many of them are cheap.
few = examples(
    max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with all that a drawn configuration may name rightly."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "images").mkdir()
    (tmp_path / "there").touch()
    return tmp_path


def minimal():
    return {
        "dataset": {"images": "images", "annotations": "images"},
        "models": {"m": {"pipeline": "there", "num_steps": 8, "checkpoint_every": 2}},
    }


def resolved(node):
    return {**SCHEMA["$defs"][node["$ref"].split("/")[-1]], **node} if "$ref" in node else node


def leaves(node=SCHEMA, path=()):
    """All keys that hold a value and no further keys, with their nodes of the schema."""
    node = resolved(node)
    children = dict(node.get("properties", {}))
    if "properties" in (others := node.get("additionalProperties") or {}):
        children["m"] = others
    if not children:
        yield path, node
    for name, child in children.items():
        yield from leaves(child, (*path, name))


LEAVES = dict(leaves())
# What is above them, blocks of keys.
BLOCKS = sorted({path[:count] for path in LEAVES for count in range(1, len(path))})
WHOLE = [path for path, node in LEAVES.items() if "integer" in str(node)]
NUMBERS = [path for path, node in LEAVES.items() if "number" in str(node) or path in WHOLE]
# Values of any kind are allowed below these, or what they hold is another room's.
FREE = {("models", "m", "overrides"), ("dataset", "policies"), ("dataset", "classes", "rename")}

ODD = [
    *(0, -1, 2**31, 2**63, 10**12, 10**400, True, 4.0, 1.0e3, 1.5, 1e12, 1e308, math.nan, math.inf, -math.inf, 1e-320),
    *(None, "", " ", "\n", "~", "~/x", "{x}", "<i>", "a{b", "a\nb", "L" * 300, "a/" * 3000, "4", "1e3", "1.0e+3", "no"),
    *("/dev/null", "there", "there/x", "\x00", "\ud800", "日本", "-", "best", [], {}, [1, 1], [0, 1.0, 2], ["images"]),
    *({"a": 1}, {"name": "("}, {"exif_gap_s": math.nan}, {None: 1}, {True: 1}, [[]], list(range(2000))),
    *(datetime.date(2020, 1, 1), b"bytes", {1, 2}),
]
odd = st.sampled_from(ODD)
anything = st.recursive(
    odd | st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=5), below, max_size=4),
    max_leaves=8,
)


def put(config, path, value):
    """`config` with `value` at `path`; what is between is made."""
    for name in path[:-1]:
        if not isinstance(config.get(name), dict):
            config[name] = {}
        config = config[name]
    config[path[-1]] = value


def load(config):
    """The settings, or None after an error that is for people: lines, none of them long, in little time."""
    began = time.monotonic()
    try:
        return settings.load(config)
    except UserError as error:
        for line in str(error).splitlines()[1:]:
            assert (line.startswith("  - ") and "`" in line) or "a model's name" in line, line
            assert len(line) < 1500
        return None
    finally:
        assert time.monotonic() - began < SLOWEST_S


def check_whole(found, node=SCHEMA, where=""):
    """What the schema says of types and bounds, written here again without the validator."""
    node = resolved(node)
    choices = [resolved(choice) for choice in node.get("anyOf", [node])]
    kinds = {
        kind
        for choice in choices
        for kind in ([choice["type"]] if isinstance(choice.get("type"), str) else choice.get("type", []))
    }
    if isinstance(found, bool):
        assert "boolean" in kinds, where
    elif isinstance(found, int | float):
        assert math.isfinite(found), where
        bounded = [choice for choice in choices if "integer" in str(choice) or "number" in str(choice)]
        assert bounded, where
        assert any(
            choice.get("minimum", -math.inf) <= found <= choice.get("maximum", math.inf)
            and choice.get("exclusiveMinimum", -math.inf) < found < choice.get("exclusiveMaximum", math.inf)
            for choice in bounded
        ), where
        if "number" not in kinds:
            assert type(found) is int, where
    elif isinstance(found, dict):
        others = node.get("additionalProperties")
        for key, value in found.items():
            child = next((c["properties"][key] for c in choices if key in c.get("properties", {})), others)
            if isinstance(child, dict) and key != "repeat_of":
                check_whole(value, child, f"{where}.{key}")


@pytest.mark.parametrize("path", BLOCKS, ids=".".join)
def test_a_block_that_is_none_is_told(folder, path):
    for value in [*ODD, False, "a,b", "a.b = c", [{"name": "m"}], [{"a": 1}]]:
        config = minimal()
        put(config, path, copy.deepcopy(value))
        load(config)


@few
@given(path=st.sampled_from(sorted(LEAVES)), value=anything)
@example(("models", "m", "num_steps"), 1e12)
@example(("dataset", "split", "eval_fraction"), math.nan)
@example(("dataset", "shards", "train"), 99_999)
@example(("results",), "/dev/null")
def test_one_odd_value(folder, path, value):
    config = minimal()
    put(config, path, value)
    loaded = load(config)
    if loaded is None:
        return
    json.dumps(loaded, allow_nan=path == ("models", "m", "overrides")).encode()
    if path not in FREE:
        check_whole(loaded)
    assert sum(len(settings.checkpoint_steps(model)) for model in loaded["models"].values()) <= 5000 + len(config)
    results = Path(loaded["results"])
    assert not set("{}<>\n") & set(str(results))
    assert str(results)[:2] != "~/"
    (folder / results).mkdir(parents=True, exist_ok=True)


@few
@given(changes=st.dictionaries(st.sampled_from(sorted(LEAVES)), odd, min_size=2, max_size=8))
def test_many_odd_values(folder, changes):
    config = minimal()
    for path, value in changes.items():
        put(config, path, value)
    load(config)


@few
@given(value=anything, path=st.sampled_from([(), ("dataset",), ("models",), ("models", "m"), ("predict",)]))
def test_odd_sections(folder, value, path):
    config = minimal()
    if path:
        put(config, path, value)
        load(config)
    elif isinstance(value, dict):
        load(value)


@pytest.mark.parametrize("path", WHOLE, ids=".".join)
def test_a_whole_number_may_have_a_point(folder, path):
    node = LEAVES[path]
    least = min(choice["minimum"] for choice in [node, *node.get("anyOf", ())] if "minimum" in choice)
    value = max(least, 2)
    one, other = minimal(), minimal()
    put(one, path, value)
    put(other, path, float(value))
    assert settings.load(one) == settings.load(other)
    found = settings.load(other)
    for name in path:
        found = found[name]
    assert type(found) is int


@pytest.mark.parametrize("path", NUMBERS, ids=".".join)
@pytest.mark.parametrize("value", [math.nan, math.inf, 1e300, -1])
def test_no_number_is_without_bounds(folder, path, value):
    if value == 1e300 and path[-1] == "min_delta":  # it only stops the training early
        return
    config = minimal()
    put(config, path, value)
    if path[-1] in ("min_delta", "metric"):
        config["models"]["m"]["early_stopping"]["patience"] = 1
    with pytest.raises(UserError, match=path[-1]):
        settings.load(config)


@few
@given(name=st.text(min_size=1, max_size=120))
@example("m\n")
@example("m" * 20)
@example("m" * 260)
@example("-seed")
def test_names_of_models(folder, name):
    config = minimal()
    config["models"] = {name: config["models"]["m"]}
    if load(config) is not None:
        assert name.isascii() and name.isprintable() and "/" not in name and len(f".{name}-seed2147483647") < 200


@few
@given(steps=st.integers(1, 2**31 - 1), every=st.integers(1, 2**31 - 1), seeds=st.integers(1, 50))
@example(200_000, 1, 1)
@example(5000, 1, 1)
@example(5001, 1, 1)
def test_the_number_of_checkpoints(folder, steps, every, seeds):
    config = minimal()
    config["models"]["m"] |= {"num_steps": steps, "checkpoint_every": every, "seed": list(range(seeds))}
    count = -(-steps // every) * seeds
    if (loaded := load(config)) is None:
        assert count > 5000
        with pytest.raises(UserError, match=r"models\.m\.checkpoint_every"):
            settings.load(config)
        return
    assert count <= 5000
    for model in loaded["models"].values():
        saved = settings.checkpoint_steps(model)
        assert saved == sorted({*(k * every for k in range(1, steps // every + 1)), steps})


@pytest.mark.parametrize("others", [0, 1, 4999])
def test_checkpoint_every_that_is_said_is_enough(folder, others):
    config = minimal()
    model = config["models"]["m"]
    if others:
        config["models"]["other"] = model | {"num_steps": others, "checkpoint_every": 1}
    config["models"]["m"] = model | {"num_steps": 123_456, "checkpoint_every": 1, "seed": [0]}
    with pytest.raises(UserError) as caught:
        settings.load(config)
    said = int(str(caught.value).split("Set it to ")[1].split(" ")[0])
    config["models"]["m"]["checkpoint_every"] = said - 1
    with pytest.raises(UserError):
        settings.load(config)
    config["models"]["m"]["checkpoint_every"] = said
    assert load(config) is not None


def test_no_advice_where_none_is_enough(folder):
    config = minimal()
    model = config["models"]["m"] | {"num_steps": 6000, "checkpoint_every": 1}
    config["models"] = {"m": model, "other": model}
    with pytest.raises(UserError, match=r"12,000 in all models\); a run can have at most 5,000\.$"):
        settings.load(config)


def test_a_tilde_is_the_home_folder(folder):
    config = minimal()
    config["dataset"]["images"] = ["~/images", "images"]
    config["models"]["m"]["pipeline"] = "~/there"
    config["results"] = "~/results/"
    loaded = settings.load(config)
    assert loaded["dataset"]["images"] == [f"{folder}/images", "images"]
    assert loaded["models"]["m"]["pipeline"] == f"{folder}/there"
    assert loaded["results"] == f"{folder}/results"


def test_a_tilde_without_a_home_folder(folder, monkeypatch):
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    config = minimal() | {"results": "~/results"}
    config["dataset"]["images"] = "~/images"
    with pytest.raises(UserError) as caught:
        settings.load(config)
    assert "`results` is ~/results, but this user has no home folder" in str(caught.value)
    assert "`dataset.images` names ~/images, but there is no such folder" in str(caught.value)


def test_a_short_name_is_a_name(folder):
    assert [settings.load(minimal() | {"results": name})["results"] for name in ("x", ".", "..")] == ["x", ".", ".."]


@pytest.mark.parametrize("name", ["results/", "./results", "results//", "./results/."])
def test_one_folder_has_one_name(folder, name):
    assert settings.load(minimal() | {"results": name})["results"] == "results"


def test_braces_in_the_name_of_a_pipeline(folder):
    (folder / "p{1}.config").touch()
    config = minimal()
    config["models"]["m"]["pipeline"] = "p{1}.config"
    with pytest.raises(UserError, match=r"models\.m\.pipeline.*pattern"):
        settings.load(config)


def test_a_number_that_yaml_reads_as_text(folder):
    config = minimal() | yaml.safe_load("predict: {score_threshold: 5e-1}")
    with pytest.raises(UserError, match=r"write 0\.5"):
        settings.load(config)


def test_a_value_that_holds_itself(folder):
    config = minimal()
    config["dataset"]["classes"] = config["dataset"]
    with pytest.raises(UserError, match="`dataset` is nested too deeply"):
        settings.load(config)


@pytest.fixture
def drawn(folder):
    """The minimal configuration of a small data set, with which a run can be planned."""
    data = DataSet(folder / "data")
    for number in range(6):
        data.sample(f"a{number}.jpg", Box("cat", 8, 6, 20, 30), Box("dog", 1, 1, 20, 30))
    dataset = {"images": str(data.images), "annotations": str(data.annotations)}
    return {"dataset": dataset, "models": {"m": small_model()}}


@examples(few, max_examples=60)
@given(path=st.sampled_from(sorted(path for path in LEAVES if "shards" not in path)), value=odd)  # a file for each
@example(("dataset", "classes", "rename"), {"cat": "\u200b"})
@example(("dataset", "policies"), {"": "fail"})
@example(("export", "metric"), "x" * 300)
@example(("models", "m", "overrides"), {"train_config.data_augmentation_options." + "9" * 250: {}})
@example(("models", "m", "overrides"), {"model.ssd.num_classes": math.nan})
def test_odd_values_up_to_the_first_job(drawn, path, value):
    """What the settings pass, the plan and the checks before the first job take too, or tell in a sentence."""
    config = copy.deepcopy(drawn)
    put(config, path, value)
    began = time.monotonic()
    try:
        plan = RunPlan(config, plan_data=True)
        preflight.check(plan, Identities(plan))
    except UserError as error:
        assert str(error)
    assert time.monotonic() - began < SLOWEST_S


# The file itself.

plain = st.recursive(
    st.integers(-99, 99) | st.booleans() | st.none() | st.text("abc:#{}[]&*!?\n é日'\"", max_size=8),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text("abc ", max_size=4), below, max_size=4),
    max_leaves=20,
)


@few
@given(content=st.dictionaries(st.text("abcde", min_size=1, max_size=3), plain, max_size=5), flow=st.booleans())
def test_a_file_is_read_as_yaml_reads_it(folder, content, flow):
    text = yaml.safe_dump(content, default_flow_style=flow, allow_unicode=True)
    (folder / "my.yaml").write_text(text, encoding="utf-8")
    assert config_file.read("my.yaml") == content


@few
@given(
    content=st.dictionaries(st.text("abcde", min_size=1, max_size=3), plain, min_size=1, max_size=5),
    cut=st.integers(0, 200),
    put_in=st.sampled_from(
        ["", "[", "{", "- ", "\t", "*a", "&a ", "&a [*a]", "'", "!!x ", "? ", "---\n", "\x00", "\ufeff", "%"]
    ),
)
def test_a_broken_file_is_an_error_for_people(folder, content, cut, put_in):
    text = yaml.safe_dump(content, allow_unicode=True)
    text = text[: cut % (len(text) + 1)] + put_in + text[cut % (len(text) + 1) :]
    (folder / "my.yaml").write_bytes(text.encode())
    try:
        found = config_file.read("my.yaml")
    except UserError as error:
        assert "my.yaml" in str(error)
        return
    assert found == yaml.safe_load(text.lstrip("\ufeff"))


@few
@given(data=st.data())
def test_every_key_given_twice_is_named(folder, data):
    names = [".".join(path) for path in LEAVES]
    chosen = data.draw(st.lists(st.sampled_from(sorted(LEAVES)), min_size=1, max_size=6, unique=True))
    lines, twice = [], set()

    def write(prefix, indent):
        for name in dict.fromkeys(path[len(prefix)] for path in chosen if path[: len(prefix)] == prefix):
            path = (*prefix, name)
            below = any(one[: len(path)] == path and len(one) > len(path) for one in chosen)
            for _ in range(data.draw(st.integers(1, 2)) if not below else 1):
                if not below and f"{' ' * indent}{name}: 1" in lines[-1:]:
                    twice.add(".".join(path))
                lines.append(f"{' ' * indent}{name}:{'' if below else ' 1'}")
            if below:
                write(path, indent + 2)

    write((), 0)
    (folder / "my.yaml").write_text("\n".join(lines))
    try:
        config_file.check(["my.yaml"])
        found = set()
    except UserError as error:
        found = {line.split("`")[1] for line in str(error).splitlines()}
    assert found == twice, names


@few
@given(widths=st.lists(st.integers(1, 12), min_size=1, max_size=12))
def test_aliases_are_counted_as_they_are_written_out(folder, widths):
    lines, size, total = ["k0: &k0 [x]"], 2, 1 + 1 + 2
    for index, width in enumerate(widths, 1):
        lines.append(f"k{index}: &k{index} [{', '.join([f'*k{index - 1}'] * width)}]")
        size = 1 + width * size
        total += 1 + size
    (folder / "my.yaml").write_text("\n".join(lines))
    began = time.monotonic()
    if total <= config_file.MOST_NODES:
        assert config_file.read("my.yaml")
    else:
        with pytest.raises(UserError, match="aliases"):
            config_file.check(["my.yaml"])
    assert time.monotonic() - began < SLOWEST_S


@pytest.mark.parametrize("start", ["[", "{a: ", "- "])
def test_a_file_that_is_nested_too_deeply(folder, start):
    (folder / "my.yaml").write_text(f"dataset:\n  {start * 50_000}")
    with pytest.raises(UserError, match="nested"):
        config_file.check(["my.yaml"])


def test_json_with_a_key_given_twice(folder):
    (folder / "my.json").write_text('{"results": "a",\n\t"results": "b"}')
    with pytest.raises(UserError, match="`results` is given twice"):
        config_file.check(["my.json"])


def test_the_root_is_no_results_folder(folder):
    with pytest.raises(UserError, match="`results` is /, the root of all folders"):
        settings.load(minimal() | {"results": "/"})


def test_texts_are_not_empty(folder):
    config = minimal()
    texts = [path for path, node in LEAVES.items() if "string" in (node.get("type") or ())]
    for path in texts:
        put(config, path, "")
    config["models"]["m"]["early_stopping"]["patience"] = 1
    with pytest.raises(UserError) as caught:
        settings.load(config)
    assert len(texts) > 8
    for path in texts:
        assert f'`{".".join(path)}` is ""' in str(caught.value)
