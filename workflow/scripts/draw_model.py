"""Draw how a model learned, and what its chosen checkpoint gets right and wrong."""

from pathlib import Path

from boxwright.console.job import job
from boxwright.core import files
from boxwright.dataset import label_map
from boxwright.evaluation.data import Records
from boxwright.report import figures, learning

with job(snakemake):
    model, output = snakemake.wildcards.model, snakemake.output
    step = files.read_json(snakemake.input.choice)["step"]
    log = files.read_json_lines(snakemake.input.log)
    evaluations = sorted(map(files.read_json, snakemake.input.metrics), key=lambda one: one["step"])
    chosen = Path(snakemake.input.choice).parent / "eval" / str(step)
    analysis = files.read_json(chosen / "analysis.json")
    names = {number: name for name, number in label_map.read(snakemake.input.label_map).items()}
    drawn = figures.of_evaluation(
        analysis,
        Records(snakemake.input.records),
        files.read_json(chosen / "detections.json"),
        names,
        f"{model} at step {step:,}",
    )
    files.write_all(
        {
            output.learning_curves: learning.curves(log, evaluations, step),
            **{getattr(output, Path(name).stem): content for name, content in drawn.items()},
        }
    )
