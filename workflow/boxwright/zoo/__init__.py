"""The model zoo: published detectors by name, downloaded, checked and unpacked into resources/zoo.

`checkpoint: zoo:<name>` names a model's start weights; `config/zoo.yaml` says what there is and where it comes from.
"""

PREFIX = "zoo:"
