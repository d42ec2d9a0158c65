"""The paths and names in the addresses that tools state for images."""

import pytest

from boxwright.dataset import addresses


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("a.jpg", "a.jpg"),
        ("some%20folder/a.jpg", "some%20folder/a.jpg"),
        (r"C:\images\a.jpg", r"C:\images\a.jpg"),
        ("https://host/x/a%20b.jpg?token=1/2", "/x/a b.jpg"),
        ("file:/x/a%2520b.jpg", "/x/a%20b.jpg"),
        ("s3://bucket/x/a%20b.jpg", "/x/a%20b.jpg"),
        ("/data/local-files/?d=cam%201/a.jpg&x=1", "cam 1/a.jpg"),
        ("/data/upload/1/0a1b2c3d-a.jpg", "/data/upload/1/0a1b2c3d-a.jpg"),
        ("", ""),
    ],
)
def test_paths(address, path):
    assert addresses.path(address) == path


@pytest.mark.parametrize(
    ("stated", "names"),
    [
        ("", []),
        ("x/", []),
        (r"x\a.jpg", ["a.jpg"]),
        ("0a1b2c3d-a.jpg", ["0a1b2c3d-a.jpg", "a.jpg"]),
        ("0a1b2c3d__a.jpg", ["0a1b2c3d__a.jpg", "a.jpg"]),
        ("0a1b2c3d__9f8e7d00-a.jpg", ["0a1b2c3d__9f8e7d00-a.jpg", "9f8e7d00-a.jpg", "a.jpg"]),
        ("2Q__%2520(1).jpg", ["2Q__%2520(1).jpg", "2Q__%20(1).jpg", "2Q__ (1).jpg"]),
        ("x/a.jpg?size=3", ["a.jpg?size=3", "a.jpg"]),
    ],
)
def test_names(stated, names):
    assert list(dict.fromkeys(addresses.base_names(stated))) == names


def test_names_that_label_studio_keeps_in_another_form():
    assert addresses.uploaded("/data/upload/1/0a1b2c3d-a_b_1.jpg") == "a_b_1.jpg" and not addresses.uploaded(
        "a_b_1.jpg"
    )
    assert addresses.kept_name(" a b (1).é.jpg") == "a_b_1.é.jpg"
