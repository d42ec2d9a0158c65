"""The documentation can be followed: its links lead somewhere, its commands exist, its configurations are valid."""

import argparse
import copy
import re
import shlex
import shutil
import textwrap
from pathlib import Path

import pytest
import yaml

from boxwright import cli
from boxwright.core.errors import UserError
from boxwright.run import config_file, settings

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("*/README.md")), *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# What stands for something else, as in `[--out DIR]`, `voc|coco` and `...`.
STANDS_FOR = re.compile(r"[\[|]|\.\.\.")


def anchors(page: Path) -> set[str]:
    """The names by which links reach the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", BLOCK.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", BLOCK.sub("", page.read_text(encoding="utf-8"))):
        path, _, anchor = link.partition("#")
        if "://" in link:
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_is_in_the_list_of_pages():
    listed = re.findall(r"\]\(([^)\s]+)\)", (ROOT / "docs/README.md").read_text(encoding="utf-8"))
    pages = {path.name for pattern in ("*.md", "*.ipynb") for path in (ROOT / "docs").glob(pattern)} - {"README.md"}
    assert pages <= set(listed)


def code_of(page: Path) -> list[str]:
    """What a page shows as code: each line of its blocks, and each span between backticks."""
    text = page.read_text(encoding="utf-8")
    lines = [line for _, body in BLOCK.findall(text) for line in body.replace("\\\n", " ").splitlines()]
    spans = re.findall(r"`([^`]+)`", BLOCK.sub("", text))
    return [" ".join(one.split()) for one in (*lines, *spans)]


def commands() -> list[str]:
    """Every command of boxwright on the pages, without the comment behind it; those that are only named have no more
    words than that.
    """
    found = {line for page in PAGES for line in code_of(page) if re.match(r"(\S*/)?boxwright ", line)}
    return sorted(line for line in found if not STANDS_FOR.search(line.partition("#")[0]))


def not_typable(code: str) -> bool:
    """Whether code is a command of a program that is on no PATH: it needs the folder of the environment."""
    return bool(re.match(r"(boxwright (?=[a-z-])|snakemake -)", code))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_can_be_typed(page):
    assert [code for code in code_of(page) if not_typable(code)] == []


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("boxwright detect DETECTOR IMAGES", True),
        ("snakemake -n", True),
        (".venv/bin/boxwright detect", False),
        (".venv/bin/snakemake --unlock", False),
        ("snakemake", False),
    ],
)
def test_a_command_that_cannot_be_typed_is_noticed(code, wrong):
    assert not_typable(code) == wrong


def test_commands_of_make_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {found[1] for page in PAGES for code in code_of(page) if (found := re.match(r"make ([a-z-]+)", code))}
    assert {"run", "doctor"} <= named <= targets


class ParsedError(Exception):
    """The command line was understood; holds what is left over for Snakemake."""


@pytest.mark.parametrize("line", commands())
def test_commands_exist(line, monkeypatch):
    parse = argparse.ArgumentParser.parse_known_args

    def stop_after(parser, arguments=None, namespace=None):
        given, others = parse(parser, arguments, namespace)
        if parser.prog != "boxwright":  # of one of its commands
            return given, others
        raise ParsedError(given.command, others)

    monkeypatch.setattr(argparse.ArgumentParser, "parse_known_args", stop_after)
    if len(words := shlex.split(line, comments=True)) == 2:  # only named
        words.append("--help")
        with pytest.raises(SystemExit, match="0"):
            cli.main(words[1:])
        return
    with pytest.raises(ParsedError) as parsed:
        cli.main(words[1:])
    command, others = parsed.value.args
    assert not others or command == "run"


YAML = re.compile(r"^ *```yaml\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
# What a part of a configuration is put into.
WHOLE = {
    "dataset": {"images": "my_images", "annotations": "my_images"},
    "models": {
        "m": {"pipeline": "config/pipelines/ssd_mobilenet_v1.config", "num_steps": 1000, "checkpoint_every": 250}
    },
}


def with_configurations() -> list[Path]:
    return [page for page in PAGES if YAML.search(page.read_text(encoding="utf-8"))]


def parts(block: str) -> list[dict]:
    """The parts of a block of YAML: all of it, or each of its lines where these are alternatives with one key."""
    text = textwrap.dedent(block)
    keys = re.findall(r"^(\w+):", text, re.MULTILINE)
    return [yaml.safe_load(one) for one in (text.splitlines() if len(set(keys)) < len(keys) else [text])]


def completed(part: dict) -> dict:
    """A whole configuration with a part of one, which goes where the schema has its keys."""
    whole, known = copy.deepcopy(WHOLE), config_file.schema()["properties"]
    if "dataset" in part and "models" in part:
        return part
    if part.keys() <= known.keys():
        for key, value in part.items():
            if key == "models":  # with what is needed beside it, unless a detector of the zoo brings that along
                value = {
                    name: model if "num_steps" in model else WHOLE["models"]["m"] | model
                    for name, model in value.items()
                }
            whole[key] = value if key != "dataset" or {"records", "sources"} & value.keys() else whole[key] | value
    elif part.keys() <= known["dataset"]["properties"].keys():
        whole["dataset"] |= part
    elif part.keys() <= known["dataset"]["properties"]["split"]["properties"].keys():
        whole["dataset"]["split"] = part
    else:
        whole["models"]["m"] |= part
    return whole


def make_what_it_names(config: dict) -> None:
    """The folders and files that a configuration names, so that only its own mistakes are left."""
    dataset = config["dataset"]
    for source in (dataset, *dataset.get("sources", ())):
        for key in {"images", "annotations"} & source.keys():
            place = Path(source[key])
            (place.parent if place.suffix else place).mkdir(parents=True, exist_ok=True)
            if place.suffix:
                place.touch()
    split = dataset.get("split", {})
    lists = [split[side] for side in ("train", "eval", "test") if split.get(side)]
    for name in [*lists, *dataset.get("records", {}).values(), *filter(None, [dataset.get("label_map")])]:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name.replace("?????", "00000")).touch()
    for model in config["models"].values():
        start = model.get("checkpoint") or "zoo:"
        if not start.startswith("zoo:"):
            Path(start).mkdir(exist_ok=True)
            for ending in ("index", "data-00000-of-00001"):
                (Path(start) / f"model.ckpt.{ending}").touch()
        if (pipeline := model.get("pipeline")) and not Path(pipeline).is_file():
            shutil.copy(ROOT / "config/pipelines/ssd_mobilenet_v1.config", pipeline)


def load_all(page: Path) -> list[dict]:
    """Load each configuration of a page, in a folder that has what it names."""
    Path("config").symlink_to(ROOT / "config", target_is_directory=True)
    configs = [completed(part) for block in YAML.findall(page.read_text(encoding="utf-8")) for part in parts(block)]
    for config in configs:
        make_what_it_names(config)
        settings.load(config)
    return configs


@pytest.mark.parametrize("page", with_configurations(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_configurations_are_valid(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_all(page)


@pytest.mark.parametrize(
    "part",
    [
        "group_by: {exif_gap: 60}",
        "early_stopping: {patience: 3, min_delte: 0.1}",
        "split: {evaluation_fraction: 0.2}",
        "export: {form: onnx}",
        "dataset: {images: a, annotations: a}\nmodels: {m: {num_steps: 1000}}",
    ],
)
def test_a_configuration_that_is_not_valid_is_noticed(part, tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text(f"```yaml\n{part}\n```\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError):
        load_all(page)
