"""What a form may lose, and what is said when it loses more."""

import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from boxwright.export import gate, summary

SCRIPT = Path(__file__).parents[3] / "workflow/scripts/compare_forms.py"


def same(share: float) -> dict:
    return {"share": share, "max_box": 0.0, "max_score": 0.0, "detections": 1000}


@pytest.mark.parametrize(
    ("precision", "share", "lost", "said"),
    [
        ("float32", 0.98, 0.5, []),
        ("float32", 0.979, None, ["97.90% of the checkpoint's detections are found again within 0.0001"]),
        ("float16", 0.99, 0.003, []),
        (
            "float16",
            0.98,
            0.0031,
            ["98.00% of", "its mAP@.50IOU is 0.31 points below the checkpoint's, and at most 0.3"],
        ),
        ("int8", 0.1, 0.02, []),
        ("int8", 1.0, 0.021, ["its mAP@.50IOU is 2.10 points below the checkpoint's, and at most 2 are allowed"]),
        ("int8", 1.0, -0.5, []),
        ("int8", 1.0, None, []),
    ],
)
def test_what_a_form_may_lose(precision, share, lost, said):
    found = list(gate.complaints(precision, same(share), lost))
    assert len(found) == len(said)
    assert all(text.startswith(start) for text, start in zip(found, said, strict=True))


def test_all_forms_are_said_together():
    checks = {
        "raw_graph": {"complaints": ["it is off", "far off"]},
        "frozen_graph": {"complaints": []},
        "saved_model": {"complaints": []},
        "checkpoint": {},
    }
    measured = {"saved_model": {"complaints": ["slow"]}, "frozen_graph": {"complaints": []}}
    assert summary.complaints(checks, measured) == [
        "The raw frozen graph: it is off; far off.",
        "The SavedModel: slow.",
    ]


class Files(list):
    """Files as Snakemake hands them to a script: all in one list, and by their names."""

    def __init__(self, **named: list[str] | str) -> None:
        super().__init__(path for one in named.values() for path in ([one] if isinstance(one, str) else one))
        vars(self).update(named)


@pytest.fixture
def job(tmp_path):
    """Compares two forms, of which the one in int8 loses too much: `job(gate)`; returns the folder of its files."""

    def written(name: str, content: dict) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
        return str(path)

    checked = {"images": 8, "bytes": 9, "ms_per_image": 1.0, "ms_quartiles": [1.0, 1.0], "device": "CPU"}
    checked["same_detections"] = same(1.0)
    lost = {"frozen_graph": 0.0, "tflite_int8": 0.021}
    precisions = {"frozen_graph": "float32", "tflite_int8": "int8"}

    def run(policy: str) -> Path:
        checks = {name: {**checked, "complaints": []} for name in lost} | {"checkpoint": {**checked, "weights": 5}}
        measured = {
            name: {"complaints": list(gate.complaints(precisions[name], same(1.0), value))}
            for name, value in lost.items()
        }
        metrics = {"model": "owls", "step": 30, "images": 8, "metrics": {summary.MAP: 0.5, summary.MAP50: 0.7}}
        given = SimpleNamespace(
            input=Files(
                checks=[written(f"checks/{name}.json", one) for name, one in checks.items()],
                measured=[written(f"{name}/measured.json", one) for name, one in measured.items()],
                metrics=written("metrics.json", metrics),
                tests=[],
            ),
            output=Files(summary=str(tmp_path / "export.json"), measured=str(tmp_path / "forms.json")),
            params=SimpleNamespace(gate=policy, identity=None),
            wildcards=SimpleNamespace(model="owls", further="-30"),
            config={"results": str(tmp_path)},
            log=[str(tmp_path / "logs/compare.log")],
        )
        runpy.run_path(str(SCRIPT), init_globals={"snakemake": given})
        return tmp_path

    return run


LOSES = "The TFLite file in int8: its mAP@.50IOU is 2.10 points below the checkpoint's, and at most 2 are allowed."


def test_a_form_that_loses_too_much_is_warned_about(job, capsys):
    folder = job("warn")
    assert LOSES in capsys.readouterr().err
    forms = json.loads((folder / "forms.json").read_text())["forms"]
    assert forms["frozen_graph"]["complaints"] == [] and len(forms["tflite_int8"]["complaints"]) == 1
    assert json.loads((folder / "export.json").read_text())["main"] == "frozen_graph"
    said = (folder / "logs/compare.log").read_text()
    assert "2 forms and the checkpoint, 100.0% of the detections the same" in said, "nobody asks for the checkpoint"


def test_a_form_that_loses_too_much_ends_the_run_where_the_gate_says_so(job, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        job("fail")
    said = capsys.readouterr().err
    assert ended.value.code == 1 and "Traceback" not in said
    assert said.strip().splitlines() == [
        "What is exported of owls-30 loses too much.",
        LOSES,
        "Take these forms out of `export.forms`, or set `export.gate: warn` to keep them with this warning.",
    ]
    assert not (tmp_path / "export.json").exists() and not (tmp_path / "forms.json").exists()
