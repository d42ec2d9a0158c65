"""Make docs/errors.md from the tables in the code: `python docs/errors.py > docs/errors.md`."""

from boxwright.dataset.defects import DEFECTS
from boxwright.pipeline.lint_rules import RULES

HEAD = """\
# What can go wrong, and what to do

Every message names the file, says what is wrong, and says what to do. This page lists the defects, warnings and common
errors by name. `docs/errors.py` makes it from the program's own tables.
"""

SEEN = ("what you see", "cause", "what to do")
START = [
    (
        "`make` says that it needs Python 3.11, 3.12 or 3.13",
        "TensorFlow has no build for others",
        "`make PYTHON=python3.12 run`",
    ),
    (
        "`snakemake: command not found`, or another version",
        "the environment is in `.venv`",
        "`.venv/bin/snakemake ...`",
    ),
    (
        "another run works on these results",
        "two runs on one results folder",
        "wait for the other one; after a crash the lock is released by itself",
    ),
    (
        "Snakemake cannot write its cache",
        "the home folder is missing or read-only",
        "set `XDG_CACHE_HOME` ([scaling.md](scaling.md))",
    ),
]
TRAINING = [
    (
        "the loss is not finite, with the names of the images",
        "the learning rate is too high, or one of these images has a wrong box",
        "lower the rate; check the boxes of these images",
    ),
    (
        "too few variables were restored",
        "the checkpoint is of another model",
        "use the `pipeline.config` that came with it",
    ),
    ("out of memory", "the batch or the input is too large", "use a smaller `batch_size` or a smaller input"),
    ("no space is left", "a checkpoint needs room", "free space, and run the same command: nothing finished is lost"),
    ("mAP is `n/a`", "there was nothing to measure", "read the reason beside it"),
]


def page() -> str:
    """The content of docs/errors.md."""
    data = [(f"`{name}`", one.told(), f"`{one.policies[0]}`", one.advice or "nothing") for name, one in DEFECTS.items()]
    lint = [(f"`{name}`", one.finds, one.cure) for name, one in RULES.items()]
    return "\n".join(
        [
            HEAD,
            "## Before the first job",
            "",
            *_table(SEEN, START),
            "",
            "## While it trains",
            "",
            *_table(SEEN, TRAINING),
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
            "value.",
            "To keep a value in spite of a warning, set it with `overrides`.",
            "",
            *_table(("rule", "what it finds", "what to do"), lint),
        ]
    )


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in (head, *rows)]
    lines = [f"| {' | '.join(row)} |" for row in escaped]
    return [lines[0], "|" + "---|" * len(head), *lines[1:]]


if __name__ == "__main__":
    print(page())
