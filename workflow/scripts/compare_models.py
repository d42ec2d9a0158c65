"""Compare all models: tables, a plot, and the answer on the report's first page."""

from pathlib import Path

from boxwright.console.job import job
from boxwright.core import files
from boxwright.report import answer, comparison, forms_plot, results, speed, tables, used

with job(snakemake):
    output, repeat_of = snakemake.output, snakemake.params.repeat_of

    def of(folder, paths):
        return [path for path in paths if Path(path).is_relative_to(folder)]

    times = next((files.read_json(path) for path in snakemake.input.times), None)
    found = [
        results.load(
            folder,
            of(folder, snakemake.input.metrics),
            repeat_of[folder.name],
            of(folder, snakemake.input.tests),
            next(iter(of(folder, snakemake.input.get("without_near_duplicates", []))), None),
            times,
        )
        for folder in (Path(choice).parent for choice in snakemake.input.choices)
    ]
    statistics = files.read_json(snakemake.input.statistics)
    optimism = next((files.read_json(path) for path in snakemake.input.optimism), None)
    strips = {Path(path).parents[1].name: Path(path).read_bytes() for path in snakemake.input.strips}
    # What is told about the settings: those in use when these results were made. A change of `predict` alone makes no
    # new comparison, so it is not told.
    export = snakemake.config["export"]
    settings = {
        "Data": snakemake.config["dataset"],
        **{f"Model {name}": model for name, model in snakemake.config["models"].items()},
        "Export": {**export, "checkpoint": [export["checkpoint"], *export["also"]]},
    }
    costs = Path(output.table).parents[1] / "benchmarks"
    files.write_all(
        {
            output.table: comparison.to_csv(found).encode(),
            output.answer: answer.text(statistics, found, optimism, strips, lacking=snakemake.params.lacking).encode(),
            output.checkpoints: tables.checkpoints(found),
            output.models: comparison.page(found, optimism),
            output.speed: speed.plot(found),
            output.exports: comparison.exports(found),
            output.forms: forms_plot.plot(found),
            output.used: used.page(settings, used.programs(), used.costs(costs)),
        }
    )
