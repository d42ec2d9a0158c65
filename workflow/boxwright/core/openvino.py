"""OpenVINO without its telemetry: nothing leaves the machine.

`import openvino` alone sends an event to Google Analytics through the package openvino_telemetry, in any process whose
user has not declined. Where that package cannot be imported, OpenVINO uses a part of its own that sends nothing.
"""

import sys

sys.modules["openvino_telemetry"] = None  # an import of it raises ImportError from now on

import openvino  # noqa: E402

__all__ = ["openvino"]
