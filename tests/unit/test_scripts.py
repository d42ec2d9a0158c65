"""Scripts and their rules: what decides a script's result stands among its rule's inputs and parameters, in sight."""

import ast
import re
from pathlib import Path

import pytest

from boxwright.run import settings

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted((ROOT / "workflow/scripts").glob("*.py"))

# What of Snakemake's object decides no result: where outputs go, and what the machine has.
SECTIONS = ("input", "output", "params", "log")


def rules() -> dict[str, dict[str, str]]:
    """The text of each section of every rule, by the name of its script and of the section."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted((ROOT / "rules").glob("*.smk")):
        for block in re.split(r"^ *(?:rule|checkpoint)\b[^\n]*:\n", path.read_text(), flags=re.M)[1:]:
            script = re.search(r'scripts/(\w+)\.py"', block)
            if script:
                indent = re.search(r"^( +)\w+:", block, flags=re.M)[1]
                parts = re.split(rf"^{indent}(\w+):", block, flags=re.M)
                found[script[1]] = dict(zip(parts[1::2], parts[2::2], strict=True))
    return found


RULES = rules()


def taken(script: Path) -> dict[str, set[str]]:
    """What a script takes from Snakemake's object: names by section, and the keys of `config` as they are written."""
    found: dict[str, set[str]] = {}
    tree = ast.parse(script.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
            section = node.value
            if isinstance(section.value, ast.Name) and section.value.id == "snakemake":
                found.setdefault(section.attr, set()).add(node.attr)
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "snakemake.config":
            found.setdefault("config", set()).add(ast.literal_eval(node.slice))
    return found


def test_every_script_has_a_rule():
    assert {path.stem for path in SCRIPTS} == set(RULES)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_what_a_script_takes_is_declared(script):
    rule = RULES[script.stem]
    for section, names in taken(script).items():
        if section in ("input", "output", "params"):
            for name in names - {"get"}:
                assert re.search(rf"\b{name}=|\*\*", rule.get(section, "")), f"{section}.{name}"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_takes_nothing_from_the_configuration_that_decides_a_result(script):
    """How the machine is used, and whether the servers of the zoo are trusted, decide none; nor does what is told.

    The report repeats the settings of the models that it compares, of their data and of the export.
    """
    text, deciding_none = script.read_text(), {"machine", "zoo_trust"}
    if script.stem == "compare_models":
        deciding_none = {"dataset", "models", "export"}
    assert taken(script).get("config", set()) <= deciding_none
    assert text.count("snakemake.config") == sum(text.count(f'snakemake.config["{key}"]') for key in deciding_none)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_every_rule_has_its_own_identity(script):
    assert re.search(r"\bidentity=[\w\s:,=]*\bidentities\.", RULES[script.stem]["params"])


def test_how_the_machine_is_used():
    model = {**dict.fromkeys(settings.MACHINE, 1), "seed": 0, "tf_threads": 2, "precision": "float32", "loss_scale": 8}
    assert settings.machine({"models": {"a": model}}) == {"a": dict.fromkeys(settings.MACHINE, 1)}
    assert settings.training(model) == {"seed": 0, "tf_threads": 2, "precision": "float32", "loss_scale": None}
    assert settings.training({**model, "precision": "float16"})["loss_scale"] == 8
