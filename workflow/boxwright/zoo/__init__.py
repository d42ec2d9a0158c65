"""The model zoo: published detectors by name, downloaded, checked and unpacked into resources/zoo.

`checkpoint: zoo:<name>` names a model's start weights; `config/zoo.yaml` lists the detectors and their addresses.
"""

PREFIX = "zoo:"
