"""Train from one checkpoint to the next."""

import json
from pathlib import Path

from boxwright.console.job import job

with job(snakemake, tensorflow=True) as undeclared:
    from boxwright import devices
    from boxwright.checkpoints import conditions
    from boxwright.console import progress
    from boxwright.dataset import label_map
    from boxwright.pipeline import text
    from boxwright.records import events
    from boxwright.training import saved
    from boxwright.training.launch import launch
    from boxwright.training.log import TOTAL
    from boxwright.training.segment import train_segment

    machine, settings = snakemake.config["machine"][snakemake.wildcards.model], snakemake.params.settings
    step = int(snakemake.wildcards.step)
    index = Path(snakemake.output.index)
    log_of_events = index.parent / events.file_name(step)
    previous = snakemake.input.get("checkpoint")
    document = text.read_document(snakemake.input.config)
    arguments = {
        "config": document.config,
        "records": [Path(path) for path in snakemake.input.records],
        "label_map": label_map.read(snakemake.input.label_map),
        "train_dir": index.parent,
        "to_step": step,
        "start": Path(previous[0]).with_suffix("") if previous else None,
        "log_path": Path(snakemake.output.log),
        "events_path": log_of_events,
        "old_label_map": label_map.of_checkpoint(document.config.train_config.fine_tune_checkpoint),
        "seed": settings["seed"],
        "tf_threads": settings["tf_threads"],
        "compute": devices.of_training({**machine, **settings}),
        "save_every_s": machine["save_every_s"],
        "identity": saved.text(snakemake.params.identity),
    }
    # A cluster's profile may request several machines.
    tasks = snakemake.resources.get("tasks", 1)
    if tasks > 1:
        launch(arguments, tasks=tasks, nodes=snakemake.resources.get("nodes", 1), gpus=machine["gpus"])
    else:
        with text.located(document):
            train_segment(**arguments)
    undeclared.append(log_of_events)
    used = conditions.of(index.with_suffix(""))
    undeclared.notes["conditions"] = {"precision": used.precision, "tf_threads": used.threads}
    undeclared.notes["config"] = Path(snakemake.input.config).read_text(encoding="utf-8")
    entries = [json.loads(line) for line in Path(snakemake.output.log).read_text(encoding="utf-8").splitlines()]
    recent = entries[-max(len(entries) // 5, 1) :]  # the loss of a single batch says little
    loss = sum(entry[TOTAL] for entry in recent) / len(recent)
    progress.conclude(f"loss {loss:.3f}, {entries[-1]['steps_per_sec']:.2f} steps/s")
