"""The workflow as a part of somebody else's."""

import subprocess
import sys

import yaml

from tests.workflow.conftest import ROOT

SNAKEFILE = f"""
configfile: "outer.yaml"

module detector:
    snakefile: "{ROOT / "Snakefile"}"
    config: config["detector"]

use rule * from detector as detector_*

rule count_predictions:
    input: "results/models/small/predictions"
    output: "count.txt"
    shell: "ls {{input}} | wc -l > {{output}}"
"""


def test_rules_of_the_module_serve_a_rule_of_the_outer_workflow(project):
    (project / "outer.yaml").write_text(yaml.safe_dump({"detector": project.config}))
    (project / "Snakefile").write_text(SNAKEFILE)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--dry-run", "count.txt"]
    done = subprocess.run(command, cwd=project.folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    for rule in ("detector_write_records", "detector_train_segment", "detector_predict_images", "count_predictions"):
        assert rule in done.stdout + done.stderr
    assert "To do: training of small (6 steps), 3 shards of records, " in done.stdout + done.stderr
