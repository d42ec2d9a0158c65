"""What the checks tell in words: numbers agree with their nouns, and advice is given only where there is some."""

import pytest

from boxwright.dataset import summary
from boxwright.dataset.decide import Case
from boxwright.dataset.defects import DEFECTS, DROP_BOX, DROP_IMAGE, FAIL, FIX, IGNORE, KEEP
from boxwright.images import headers

# The policies as advice names them.
KEYS = [f"`{policy}`" for policy in (FIX, DROP_BOX, DROP_IMAGE, IGNORE, KEEP, FAIL)]


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


@pytest.mark.parametrize("kind", DEFECTS)
def test_where_there_is_no_configuration_no_advice_names_its_keys(kind):
    case = Case("a.jpg", "", kind, FAIL, "detail")
    refusal = summary.refusal([case], ["photographs"], 10, adjustable=False)
    for said in (refusal, "\n".join(summary.of_cases([case], adjustable=False))):
        assert DEFECTS[kind].what_to_do(adjustable=False) in said
        for key in ("policies", "dataset.classes", "dataset.format", "dataset.sources", "images: [", *KEYS):
            assert key not in said


def test_a_file_with_several_defects_of_a_kind_is_named_once():
    cases = [Case("a.xml", f"{box}: cat", "box_inverted", DROP_BOX, "detail") for box in range(4)]
    said = "\n".join(summary.of_cases([*cases, Case("b.xml", "1: cat", "box_inverted", DROP_BOX, "detail")]))
    boxes = "a.xml (box 0, cat; box 1, cat; box 2, cat; 1 more), b.xml (box 1, cat)"
    assert f"\n         {boxes}: detail (5 times)" in said


def test_each_box_is_named_by_its_number_and_class_wherever_its_case_is_told():
    cases = [Case(f"{n}.xml", f"{n}: two [rare] dogs [1, 1, 50, 60]", "box_outside", FIX, "detail") for n in range(4)]
    named = "0.xml (box 0, two [rare] dogs), 1.xml (box 1, two [rare] dogs), 2.xml (box 2, two [rare] dogs) and 1 more"
    assert f"\n         {named}: detail" in "\n".join(summary.of_cases(cases))
    assert "\n".join(summary.of_cases(cases, " (in a table)")).endswith(f"\n         {named}")
    assert "0.xml (box 0), 1.xml (box 1), 2.xml (box 2) and 1 more, two [rare] dogs: box_outside" in summary.refusal(
        cases, ["photographs"], 10
    )
    nameless = Case("a.xml", "3:  [1, 1, 50, 60]", "class_missing", DROP_BOX, "detail")
    assert "         a.xml (box 3): detail" in summary.of_cases([nameless])


@pytest.mark.parametrize(
    ("details", "line"),
    [
        (["it is empty"], "0.jpg: it is empty"),
        (["it is empty"] * 5, "0.jpg, 1.jpg, 2.jpg and 2 more: it is empty"),
        (["", ""], "0.jpg, 1.jpg"),
        (["it is empty", "it ends early"], "0.jpg: it is empty; also 1.jpg"),
        (["like 1.jpg", "b", "c", "d", "e"], "0.jpg: like 1.jpg; also 1.jpg, 2.jpg, 3.jpg and 1 more"),
    ],
)
def test_a_defect_of_files_names_the_first_ones(details, line):
    cases = [Case(f"{n}.jpg", "", "image_truncated", DROP_IMAGE, detail) for n, detail in enumerate(details)]
    assert summary.of_cases(cases, " (in a table)")[2:] == [f"         {line}"]


def test_an_empty_image_is_said_to_be_empty():
    problem = headers.probe(b"").problem
    _, kind, files = summary.of_cases([Case("a.jpg", "", "image_truncated", DROP_IMAGE, problem)], " (in a table)")
    assert "the image file is empty or ends early" in kind and files.strip() == "a.jpg: the file is empty"
