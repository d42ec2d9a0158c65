"""SSD and the image resizers give the OD API's numbers: all that compare.py checks, for every recorded case."""

import compare
import pytest
from marks import LARGE

# One of each kind is enough for every day.
EVERY_DAY = (
    "ssd_mobilenet_v1",
    "ssd_mobilenet_v1_0.75_coco_trained",
    "ssd_mobilenet_v2",
    "tf2_ssd_mobilenet_v2_320",
    "tf2_ssd_mobilenet_v2_fpnlite",
    "tf2_efficientdet_d0",
    "image_resizers",
)
OTHERS = (
    "ssdlite_mobilenet_v2",
    "ssdlite_mobilenet_v3_large",
    "ssdlite_mobilenet_v3_small",
    "ssdlite_mobilenet_edgetpu",
    "ssdlite_mobiledet_cpu",
    "ssdlite_mobiledet_edgetpu",
    "ssd_mobilenet_v1_fpn",
    "ssd_mobilenet_v1_ppn",
    "ssd_mobilenet_v2_fpn",
    "tf2_ssd_mobilenet_v1_fpn",
    "embedded_ssd_mobilenet_v1",
    "ssd_mobilenet_v2_mnasfpn",
    "ssd_spaghettinet",
    "ssd_spaghettinet_unrounded",
    "ssd_inception_v2",
    "ssd_inception_v3",
    "ssd_resnet50_v1_fpn",
    "tf2_ssd_resnet50_v1_fpn",
)


@pytest.mark.parametrize("case", [*EVERY_DAY, *(pytest.param(case, marks=LARGE) for case in OTHERS)])
def test_recorded_case(shared, case):
    checks = list(compare.checks(shared / "parity" / case))
    assert len(checks) > 20
    assert not [str(check) for check in checks if not check.passed]


def test_a_folder_that_is_no_case(tmp_path, capsys):
    assert compare.main([str(tmp_path)]) == 1
    assert "is not a recorded case" in capsys.readouterr().out
