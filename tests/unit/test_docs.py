"""The documentation can be followed: its links lead somewhere, its commands exist, its configurations are valid."""

import argparse
import re
import shlex
from pathlib import Path

import pytest
import yaml

from boxwright import cli
from boxwright.run import settings

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


def test_the_configurations_of_the_tutorial_are_valid(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").symlink_to(ROOT / "config", target_is_directory=True)
    blocks = BLOCK.findall((ROOT / "docs/tutorial.md").read_text(encoding="utf-8"))
    whole = [config for kind, body in blocks if kind == "yaml" and "dataset" in (config := yaml.safe_load(body))]
    parts = [part for kind, body in blocks if kind == "yaml" and "dataset" not in (part := yaml.safe_load(body))]
    assert whole and parts
    for key in ("images", "annotations"):
        (tmp_path / whole[0]["dataset"][key]).mkdir(parents=True)
    for config in [*whole, *({**whole[0], **part} for part in parts)]:
        settings.load(config)
