"""What a person sees who starts TensorBoard on the folder of a model."""

import json

import pytest

from tests.workflow.tensorboard import tensorboard


def test_tensorboard_shows_every_tag(finished):
    model = finished / "results/models/small"
    metrics = json.loads((model / "eval/6/metrics.json").read_text())
    defined = {name for name, value in metrics["metrics"].items() if value is not None}
    sample = {name for name, value in metrics["training_sample"]["metrics"].items() if value is not None}
    logged = set(json.loads((model / "train/log.jsonl").read_text().splitlines()[-1])) - {"step"}
    classes = {"circle", "square", "star", "triangle"}
    with tensorboard(model) as board:
        scalars = board.tags("scalars")
        assert scalars == {"train": logged, "eval": defined, "eval_train": sample}
        assert {"Loss/total_loss", "Loss/localization_loss", "learning_rate", "steps_per_sec"} <= logged
        assert {"DetectionBoxes_Precision/mAP", "DetectionBoxes_Recall/AR@100"} <= defined & sample
        assert {f"DetectionBoxes_PerformanceByCategory/mAP/{name}" for name in classes} <= defined
        for run, tags in scalars.items():
            for tag in tags:
                points = board.values("scalars", run, tag)
                assert [step for _, step, _ in points][-1] == 6, (run, tag)
                if run == "eval":
                    assert points[-1][2] == pytest.approx(metrics["metrics"][tag], abs=1e-6)

        pictures = board.tags("images")
        held_out = metrics["images"]
        sheets = {f"eval_side_by_side_{number}" for number in range(min(10, held_out))}
        trained = {f"train_input_images/{number}" for number in range(2)}
        assert pictures == {"eval": sheets, "eval_train": sheets, "train_input": trained}
        for run, tags in pictures.items():
            for tag in tags:
                samples = board.values("images", run, tag)
                # Of the training: four batches at the beginning, and the last one before a later checkpoint.
                steps = [0, 1, 2, 3, 6] if run == "train_input" else [3, 6]
                assert [sample["step"] for sample in samples] == steps
                assert board.picture(samples[-1])[:3] == b"\xff\xd8\xff"

        curves = board.tags("pr_curves")
        assert curves.keys() == {"eval"} and curves["eval"] <= {f"{name}/pr_curves" for name in classes}
        for tag in curves["eval"]:
            (steps,) = board.values("pr_curves", "eval", tag).values()
            assert [curve["step"] for curve in steps] == [3, 6]
            assert all(len(curve["precision"]) == len(curve["recall"]) for curve in steps)

        assert board.tags("text") == {"train_input": {"pipeline.config"}}
        (shown,) = board.values("text", "train_input", "pipeline.config")
        assert "ssd_mobilenet_v1" in shown["text"] and "num_steps: 6" in shown["text"]
