"""Make docs/errors.md from the tables in the code: `python docs/errors.py > docs/errors.md`."""

from typing import NamedTuple

from boxwright.dataset.defects import DEFECTS
from boxwright.pipeline import lint
from boxwright.pipeline.lint_rules import RULES

HEAD = """\
# What can go wrong, and what to do

Every message names the file, says what is wrong, and says what to do. This page lists the defects, warnings and common
errors by name. `docs/errors.py` makes it: the tables of defects and of rules from the program's own tables, those of
errors before the first job and in training from its messages.
"""


class Seen(NamedTuple):
    """A row about an error. `source` is the file whose message the row quotes; "" for one of another program."""

    message: str
    cause: str
    cure: str
    source: str


SEEN = ("what you see", "cause", "what to do")
LIBRARY = "workflow/boxwright/"
START = [
    Seen(
        "boxwright needs Python 3.11, 3.12 or 3.13",
        "TensorFlow has no build for others",
        "`make PYTHON=python3.12 run`",
        "Makefile",
    ),
    Seen("snakemake: command not found", "the environment is in `.venv`", "`.venv/bin/snakemake ...`", ""),
    Seen(
        "lacks the package",
        "this `snakemake` is of another environment",
        "`.venv/bin/snakemake ...`",
        "rules/common.smk",
    ),
    Seen(
        "Another run works on the results in",
        "two runs on one results folder",
        "wait for the other one; after a crash the lock is released by itself",
        LIBRARY + "run/lock.py",
    ),
    Seen(
        "Snakemake cannot keep its cache in the home folder",
        "the home folder is missing or read-only",
        "nothing, or set `XDG_CACHE_HOME` ([scaling.md](scaling.md))",
        LIBRARY + "run/places.py",
    ),
]
TRAINING = [
    Seen(
        "Training stopped at step",
        "a loss is not finite: the learning rate is too high, or one of the images that are named has a wrong box",
        "lower the rate; check the boxes of these images",
        LIBRARY + "training/segment.py",
    ),
    Seen(
        "does not fit this model as a",
        "the checkpoint is of another model",
        "use the `pipeline.config` that came with it",
        LIBRARY + "checkpoints/restore.py",
    ),
    Seen(
        "OOM when allocating tensor",
        "the batch or the input is too large for the GPU",
        "use a smaller `batch_size` or a smaller input",
        "",
    ),
    Seen(
        "It ended without saying why",
        "memory ran out, and the system ended the job",
        "`--cores 1`, or a smaller `batch_size`",
        LIBRARY + "snakemake_internals/terminal.py",
    ),
    Seen(
        "The disk is full",
        "a checkpoint needs room",
        "free space, and run the same command: nothing finished is lost",
        LIBRARY + "core/disk.py",
    ),
    Seen("n/a", "there was nothing to measure", "read the reason beside it", LIBRARY + "core/decimals.py"),
]


def page() -> str:
    """The content of docs/errors.md."""
    data = [(f"`{name}`", one.told(), f"`{one.policies[0]}`", one.advice or "nothing") for name, one in DEFECTS.items()]
    rules = [(f"`{name}`", one.finds, one.cure) for name, one in RULES.items()]
    return "\n".join(
        [
            HEAD,
            "## Before the first job",
            "",
            *_table(SEEN, [_row(one) for one in START]),
            "",
            "## While it trains",
            "",
            *_table(SEEN, [_row(one) for one in TRAINING]),
            "",
            "A killed or failed run continues with the same command.",
            "",
            "## Images and annotations",
            "",
            "`results/data/checks.tsv` lists every case. The policy is what is done if you set none;",
            "`dataset.policies` changes it ([config/README.md](../config/README.md)).",
            "",
            *_table(("defect", "what was found", "policy", "what you can do"), data),
            "",
            "## pipeline.config",
            "",
            "`.venv/bin/boxwright lint FILE`, a run and a dry run (`-n`) report these, with the field and a better",
            "value. A warning about a value that `overrides` sets is only noted, since the value may be meant; those",
            f"of the rules {' and '.join(f'`{rule}`' for rule in lint.JUDGED)} stay warnings, and errors stay errors.",
            "More classes than the data have (`num-classes`), which an override may set for a later data set, are a",
            "warning.",
            "",
            *_table(("rule", "what it finds", "what to do"), rules),
        ]
    )


def _row(one: Seen) -> tuple[str, str, str]:
    return f'"{one.message}"', one.cause, one.cure


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in (head, *rows)]
    lines = [f"| {' | '.join(row)} |" for row in escaped]
    return [lines[0], "|" + "---|" * len(head), *lines[1:]]


if __name__ == "__main__":
    print(page())
