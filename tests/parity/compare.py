"""Compare this engine with recorded outputs of the OD API.

    python tests/parity/compare.py CASE_FOLDER ...

For each folder the detector is built from the case's pipeline_config, filled, and run on its inputs; every tensor gets
a line with the largest difference and its bar. Exit status: 0 if all pass, 1 if any fails, 2 for wrong usage.
"""

import argparse
import importlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import compare_resizers
import tensorflow as tf
from golden_case import Case, Check, Note

from boxwright.core.errors import UserError

# The module that compares each meta-architecture, `checks(case) -> iterator of Check`; compare_training compares cases
# that hold training steps instead.
ARCHITECTURES = {"ssd": "compare_ssd", "faster_rcnn": "compare_faster_rcnn", "center_net": "compare_center_net"}


def checks(folder: str | Path) -> Iterator[Check | Note]:
    """Every check of the case in `folder`; UserError if it is not one, or of something that is not supported.

    TensorFlow sums in a fixed order from then on, as in a training: with sums in the order of arrival a value at the
    kink of a ReLU6 lies now on one side and now on the other, which moves a gradient by a thousandth.
    """
    tf.config.experimental.enable_op_determinism()
    tf.random.set_seed(0)
    path = Path(folder) / "golden.json"
    try:
        golden = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{folder} is not a recorded case: {path} cannot be read ({error}).") from error
    if "cases" in golden and "pipeline_config" not in golden:
        yield from compare_resizers.checks(Path(folder), golden)
        return
    case = Case(folder)
    if case.architecture not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise UserError(f"{folder}: model {case.architecture} is not supported. Supported: {known}.")
    module = "compare_training" if "runs" in golden else ARCHITECTURES[case.architecture]
    yield from importlib.import_module(module).checks(case)


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", nargs="+", help="a folder with golden.json")
    failed = 0
    for folder in parser.parse_args(arguments).folder:
        print(folder)
        try:
            for check in checks(folder):
                print(f"  {check}", flush=True)
                failed += not check.passed
        except UserError as error:
            print(f"  FAIL  {error}")
            failed += 1
    print(f"{failed} failed" if failed else "all pass")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
