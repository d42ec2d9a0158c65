"""Which code a training and its preview depend on before it is known what the configuration chooses."""

from pathlib import Path

import pytest

from boxwright import protos
from boxwright.core.code import PACKAGE, reach

SCRIPTS = Path(__file__).parents[3] / "workflow/scripts"
CHOSEN_BY = {"augmentations": protos.PreprocessingStep, "optimizers": protos.Optimizer}


@pytest.mark.parametrize("module", ["boxwright.training.segment", "boxwright.training.preview"])
@pytest.mark.parametrize("room", CHOSEN_BY)
def test_no_part_that_a_message_chooses_is_imported_in_sight(module, room):
    alternatives = {f"training/{room}/{field.name}.py" for field in CHOSEN_BY[room].DESCRIPTOR.fields}
    assert not alternatives & set(reach(module))


@pytest.mark.parametrize("room", CHOSEN_BY)
def test_a_part_reaches_no_other(room):
    names = CHOSEN_BY[room].DESCRIPTOR.fields_by_name
    here = [path.stem for path in (PACKAGE / "training" / room).glob("*.py") if path.stem in names]
    assert len(here) > 2
    for name in here:
        found = reach(f"boxwright.training.{room}.{name}")
        assert [path for path in found if Path(path).stem in names] == [f"training/{room}/{name}.py"]


def test_the_preview_reaches_nothing_that_a_network_is_made_of():
    rooms = ("boxes", "detector/families", "detector/backbones", "detector/necks", "detector/heads")
    found = reach(SCRIPTS / "preview_training.py")
    assert not [path for path in found if path.startswith((*rooms, "training/optimizers", "training/segment"))]


def test_an_evaluation_reaches_no_training():
    assert not [path for path in reach(SCRIPTS / "evaluate_checkpoint.py") if path.startswith(("training/", "report/"))]
