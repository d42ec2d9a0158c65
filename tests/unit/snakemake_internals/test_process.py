"""Which file is the whole configuration of a run."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from boxwright.core.code import PACKAGE
from boxwright.snakemake_internals import process

SNAKEFILE = PACKAGE.parents[1] / "Snakefile"


@pytest.mark.parametrize(
    ("main", "files", "values", "told"),
    [
        (SNAKEFILE, [Path("/my.yaml")], {}, str(Path("/my.yaml"))),
        (SNAKEFILE, ["config/config.yaml"], {}, "config/config.yaml"),
        (SNAKEFILE, ["a.yaml", "b.yaml"], {}, None),
        (SNAKEFILE, ["my.yaml"], {"zoo_trust": True}, None),
        (SNAKEFILE, [], {"dataset": {}}, None),
        (Path("/elsewhere/Snakefile"), ["outer.yaml"], {}, None),
    ],
    ids=["one file", "the demo", "two files", "a value beside it", "values alone", "a module"],
)
def test_the_file_that_is_the_whole_configuration(main, files, values, told):
    workflow = SimpleNamespace(
        main_snakefile=str(main), configfiles=files, config_settings=SimpleNamespace(config=values)
    )
    assert process.whole_configuration(workflow) == told
