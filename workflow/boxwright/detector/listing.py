"""The variables of a network: names, shapes and what a checkpoint can fill, listed without keeping TensorFlow loaded.

Only TensorFlow can build a network, and a run is planned without it. So the list is made in a process of its own:

    python -m boxwright.detector.listing < pipeline.config
"""

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from boxwright.core import processes
from boxwright.core.errors import UserError
from boxwright.pipeline import text

if TYPE_CHECKING:
    from boxwright.detector.protocol import Detector


def of(config: Message) -> dict[str, Any] | None:
    """The list of the variables of a TrainEvalPipelineConfig's model; None if it cannot be made here.

    shapes: shape by name. scopes: name prefixes of the variables that a checkpoint of the feature extractor can fill.
    classifier_names: those for which a classifier's checkpoint has another prefix, with that one. classes: the names
    whose last axis has a part for each class. keys: the key in a TF2 checkpoint by name; empty for a model of TF1.
    """
    done = subprocess.run(
        processes.command(__name__),
        input=text.to_text(config),
        capture_output=True,
        text=True,
        env=processes.environment(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1"),
        check=False,
    )
    try:
        found = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None
    except (IndexError, ValueError):
        return None
    return found


def variables(detector: "Detector") -> dict[str, Any]:
    """The list of the variables of a built detector."""
    return {
        "shapes": {name: list(variable.shape) for name, variable in detector.variables.items()},
        "scopes": list(detector.backbone_scopes),
        "classifier_names": dict(detector.classifier_names),
        "classes": list(detector.class_columns()),
        "keys": dict(detector.object_graph_keys()),
    }


def main() -> int:
    """Print the list of the model whose configuration comes in."""
    from boxwright.detector.build import build

    try:
        detector = build(text.parse(sys.stdin.read()).model)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(variables(detector)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
