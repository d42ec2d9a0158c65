"""What a form may lose, and what is said when it loses more."""

import pytest

from boxwright.export import gate, summary


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
