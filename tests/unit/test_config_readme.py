"""The page that explains the configuration names every key of the schema, and nothing else."""

import re
from pathlib import Path

import yaml

from boxwright.dataset.defects import DEFECTS

ROOT = Path(__file__).resolve().parents[2]


def keys(node, prefix=""):
    """Dotted names of the leaves of the schema."""
    children = dict(node.get("properties", {}))
    if isinstance(node.get("additionalProperties"), dict) and "properties" in node["additionalProperties"]:
        children["<name>"] = node["additionalProperties"]
    if not children:
        return {prefix}
    return {key for name, child in children.items() for key in keys(child, f"{prefix}.{name}".lstrip("."))}


def test_every_key_is_explained():
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    table = [line.split("|")[1] for line in (ROOT / "config/README.md").read_text().splitlines() if line[:3] == "| `"]
    explained = {key for cell in table for key in re.findall(r"`([a-z_]+(?:\.[a-z0-9_<>]+)*)`", cell)}
    assert {key for key in explained if "." in key or key in keys(schema)} == keys(schema)


def test_every_defect_and_its_policies_are_listed():
    text = (ROOT / "config/README.md").read_text()
    for name, defect in DEFECTS.items():
        assert f"| `{name}` | {defect.told()} | **{defect.policies[0]}**" in text, name
