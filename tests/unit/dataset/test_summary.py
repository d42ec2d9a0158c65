"""What the checks tell in words: numbers agree with their nouns, and advice is given only where there is some."""

import pytest

from boxwright.dataset import summary
from boxwright.dataset.decide import Case
from boxwright.dataset.defects import DEFECTS, FAIL


def refused(*kinds: str) -> str:
    cases = [Case(f"{place}.jpg", None, kind, FAIL, "detail") for place, kind in enumerate(kinds)]
    return summary.refusal(cases, ["photographs"], 10)


def test_one_defect_and_several():
    assert "has 1 defect that stops the run:" in refused("image_alpha")
    assert "has 2 defects that stop the run:" in refused("image_alpha", "image_alpha")


@pytest.mark.parametrize("kind", [name for name, defect in DEFECTS.items() if FAIL in defect.policies])
def test_advice_of_a_refusal_is_something_to_do(kind):
    *_, advice = refused(kind).splitlines()
    assert "nothing" not in advice and f"set `dataset.policies.{kind}` to " in advice
    assert (f": {DEFECTS[kind].advice}; or set" in advice or "annotations; " in advice) == bool(DEFECTS[kind].advice)
