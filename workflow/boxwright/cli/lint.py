"""`boxwright lint FILE ...`: find problems in pipeline.config files."""

import os
from argparse import ArgumentParser, Namespace
from collections import Counter
from pathlib import Path

from google.protobuf.message import Message

from boxwright.catalog.findings import LEVELS, Facts, Finding
from boxwright.checkpoints import checkpoint_index, checkpoint_shapes
from boxwright.cli import status
from boxwright.core.errors import UserError
from boxwright.core.wording import plural, printable
from boxwright.dataset import label_map
from boxwright.detector import listing
from boxwright.pipeline import looks, patch
from boxwright.pipeline.lint import lint
from boxwright.pipeline.text import read_document
from boxwright.run import start_weights

HELP = "find problems in pipeline.config files"
DESCRIPTION = "Check pipeline.config files. Exit status: 0 without errors, 1 with errors, 2 on wrong usage."


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="a pipeline.config of the OD API")


def run(given: Namespace) -> int:
    """Print the findings on each file with their lines, then their counts."""
    return status.of(lambda: _run(given))


def _run(given: Namespace) -> int:
    counts: Counter[str] = Counter()
    for path in given.files:
        for level, text in _findings(path):
            counts[level] += 1
            print(printable(text))
    said = [plural(counts[level], level) for level in reversed(LEVELS) if counts[level]]
    print(f"{plural(len(given.files), 'file')}: {', '.join(said) or 'no findings'}")
    return 1 if counts["error"] else 0


def _findings(path: str) -> list[tuple[str, str]]:
    """Level and printed line of each finding in one file."""
    if os.path.isdir(path):  # noqa: PTH112 (a name may be too long for a Path)
        files = [str(one) for one in sorted(Path(path).glob("*.config"))]
        return [("error", f"error: {path} is a folder. Name the files{f', such as {files[0]}' if files else ''}.")]
    if what := looks.like(path):
        return [("error", f"error: {path} looks like {what}, and not like a pipeline.config.")]
    try:
        document = read_document(path)
        classes = _classes(document.config)
        last = max(classes.values(), default=None)
        names = _checkpoint_names(document.config)
        facts = Facts(last, id_gaps=last not in (None, len(classes)), checkpoint_names=names)
        findings = lint(document.config, facts)
        if not any(finding.level == "error" for finding in findings):
            findings += _unfitting_start(document.config)
    except UserError as error:
        lines = [line if line.startswith(path) else f"{path}: {line}" for line in str(error).splitlines()]
        return [("error", f"error: {line}") for line in lines]
    notes = [(note.level, f"{path}:{note.line}: {note.level} {note.field}: {note.text}") for note in document.notes]
    return [(finding.level, f"{document.place(finding.field)}: {finding}") for finding in findings] + notes


def _unfitting_start(config: Message) -> list[Finding]:
    """That the checkpoint which a configuration names has other shapes; nothing if it does not exist."""
    named = config.train_config.fine_tune_checkpoint
    found = checkpoint_shapes.shapes(named) if named and Path(f"{named}.index").is_file() else None
    relabels = found is not None and label_map.of_checkpoint(named) is not None
    network = listing.of(config) if found else None
    if not network:
        return []
    kind = patch.checkpoint_type_of(config.train_config)
    why = start_weights.complaint(config, kind, network, found, relabels, in_run=False).removesuffix(".")
    return [Finding("error", "another-backbone", "train_config.fine_tune_checkpoint", named, why)] if why else []


def _classes(config: Message) -> dict[str, int]:
    """The classes of the label map that a configuration names; empty if the file does not exist."""
    path = config.train_input_reader.label_map_path
    return label_map.read(path) if path and Path(path).is_file() else {}


def _checkpoint_names(config: Message) -> list[str] | None:
    """Names of the tensors in the checkpoint that a configuration names; None if it does not exist."""
    named = config.train_config.fine_tune_checkpoint
    return checkpoint_index.names(named) if named and Path(f"{named}.index").is_file() else None
