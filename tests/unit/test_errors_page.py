"""docs/errors.md is what the tables in the code say, and the table of the lint has every rule."""

import re
import runpy
from pathlib import Path

from boxwright.catalog import check
from boxwright.pipeline.lint_rules import RULES

ROOT = Path(__file__).parents[2]


def test_the_page_is_made_from_the_tables():
    made = runpy.run_path(str(ROOT / "docs/errors.py"))["page"]()
    assert (ROOT / "docs/errors.md").read_text(encoding="utf-8").rstrip() == made.rstrip(), (
        "run `python docs/errors.py > docs/errors.md`"
    )


def test_every_rule_of_the_lint_is_in_the_table():
    rooms = (ROOT / "workflow/boxwright/catalog", ROOT / "workflow/boxwright/pipeline")
    text = "\n".join(
        path.read_text() for room in rooms for path in sorted(room.glob("*.py")) if "rules" not in path.name
    )
    name = r'"([a-z]+(?:-[a-z]+)*)"'
    assert set(re.findall(rf'"(?:error|warning|info)",\s*{name}', text)) - {"warning"} <= RULES.keys()
    # Some have a constant of their own.
    assert RULES.keys() <= set(re.findall(name, text)) | {check.UNSUPPORTED, check.IMPOSSIBLE}
