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


def commands() -> list[str]:
    """Every command line with `boxwright` in a block of a page, without the comment behind it."""
    blocks = [body for page in PAGES for _, body in BLOCK.findall(page.read_text(encoding="utf-8"))]
    lines = [line for body in blocks for line in body.replace("\\\n", " ").splitlines()]
    found = {line.strip() for line in lines if re.match(r"\s*(\.venv/bin/)?boxwright ", line)}
    return sorted(line for line in found if not STANDS_FOR.search(line.partition("#")[0]))


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
    with pytest.raises(ParsedError) as parsed:
        cli.main(shlex.split(line, comments=True)[1:])
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
