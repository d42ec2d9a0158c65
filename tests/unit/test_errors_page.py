"""docs/errors.md is what the tables in the code say, and the table of the lint has every rule."""

import re
import runpy
from pathlib import Path

import pytest

from boxwright.catalog import check
from boxwright.catalog.findings import Finding
from boxwright.pipeline import lint
from boxwright.pipeline.lint_rules import RULES

ROOT = Path(__file__).parents[2]
MADE = runpy.run_path(str(ROOT / "docs/errors.py"))


def test_the_page_is_made_from_the_tables():
    made = MADE["page"]()
    assert (ROOT / "docs/errors.md").read_text(encoding="utf-8").rstrip() == made.rstrip(), (
        "run `python docs/errors.py > docs/errors.md`"
    )


QUOTED = [one for one in (*MADE["START"], *MADE["TRAINING"]) if one.source]


@pytest.mark.parametrize("seen", QUOTED, ids=lambda one: one.message)
def test_the_messages_on_the_page_are_those_of_the_program(seen):
    assert seen.message in (ROOT / seen.source).read_text(encoding="utf-8")


def test_what_an_override_does_to_warnings():
    """The page says of which rules the warnings stay."""
    text = " ".join((ROOT / "docs/errors.md").read_text(encoding="utf-8").split())
    stay = re.search(r"those of the rules (.*) stay warnings", text)[1]
    field = "train_config.batch_size"
    for rule in RULES:
        (left,) = lint.accept([Finding("warning", rule, field, 1, "why")], [field])
        assert (left.level == "warning") == (f"`{rule}`" in stay), rule


def test_every_rule_of_the_lint_is_in_the_table():
    rooms = (ROOT / "workflow/boxwright/catalog", ROOT / "workflow/boxwright/pipeline")
    text = "\n".join(
        path.read_text() for room in rooms for path in sorted(room.glob("*.py")) if "rules" not in path.name
    )
    name = r'"([a-z]+(?:-[a-z]+)*)"'
    assert set(re.findall(rf'"(?:error|warning|info)",\s*{name}', text)) - {"warning"} <= RULES.keys()
    # Some have a constant of their own.
    assert RULES.keys() <= set(re.findall(name, text)) | {check.UNSUPPORTED, check.IMPOSSIBLE}
