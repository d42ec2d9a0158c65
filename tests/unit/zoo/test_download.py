"""Downloads over connections that break, from servers that err, through proxies."""

import hashlib

import pytest

from boxwright.core.errors import UserError
from boxwright.zoo import download

DATA = download.GZIP + bytes(range(256)) * 8_000
SIZE = len(DATA)
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def get(server, zoo, tmp_path):
    """Download the file `a.tar.gz` of the server; returns its bytes."""
    server.files["a.tar.gz"] = DATA

    def get(size=SIZE, sha256=SHA256, **trust):
        path = tmp_path / "a.tar.gz"
        download.download(f"{server.address}/a.tar.gz", path, size=size, sha256=sha256, **trust)
        assert not (tmp_path / "a.tar.gz.part").exists()
        return path.read_bytes()

    return get


def kept(tmp_path):
    """What a failed download leaves: nothing under the file's own name."""
    assert not (tmp_path / "a.tar.gz").exists()
    part = tmp_path / "a.tar.gz.part"
    return part.read_bytes() if part.exists() else None


def test_a_file_arrives_in_one_piece(get, server):
    assert get() == DATA
    assert server.asked == [("/a.tar.gz", None)]


@pytest.mark.parametrize("length", [True, False])
def test_a_broken_connection_goes_on_where_it_ended(get, server, length):
    server.length = length
    server.cut = [300_000, 500_000]
    assert get() == DATA
    assert [wanted for _, wanted in server.asked] == [None, "bytes=300000-", "bytes=800000-"]


def test_a_later_run_goes_on_where_an_earlier_one_ended(get, server, tmp_path):
    (tmp_path / "a.tar.gz.part").write_bytes(DATA[:1_000_000])
    assert get() == DATA
    assert server.asked == [("/a.tar.gz", "bytes=1000000-")]


def test_a_whole_part_needs_no_connection(get, server, tmp_path):
    (tmp_path / "a.tar.gz.part").write_bytes(DATA)
    assert get() == DATA
    assert server.asked == []


def test_a_server_without_ranges_sends_everything_again(get, server):
    server.ranges = False
    server.cut = [300_000]
    assert get() == DATA


def test_the_rest_of_another_file_is_noticed(get, server, tmp_path, capsys):
    (tmp_path / "a.tar.gz.part").write_bytes(b"x" * 1000)
    assert get() == DATA
    assert [wanted for _, wanted in server.asked] == ["bytes=1000-", None]
    assert "does not match the rest" in capsys.readouterr().err


def test_a_part_that_is_longer_than_the_file_starts_over(get, server, tmp_path):
    (tmp_path / "a.tar.gz.part").write_bytes(DATA + b"more")
    assert get() == DATA
    assert [wanted for _, wanted in server.asked] == [f"bytes={len(DATA) + 4}-", None]


def test_a_busy_server_is_asked_again(get, server, capsys):
    server.answers = [503, 429, 200]
    assert get() == DATA
    assert len(server.asked) == 3
    assert "the server answered 503 Service Unavailable after 0 MB; continuing" in capsys.readouterr().err


def test_a_server_that_stays_busy_is_given_up(get, server, tmp_path):
    server.cut = [100_000]
    server.answers = [200] + [500] * download.ATTEMPTS
    with pytest.raises(UserError, match=r"500 Internal Server Error, 5 times in a row.*BOXWRIGHT_ZOO_MIRROR"):
        get()
    assert kept(tmp_path) == DATA[:100_000], "the next run continues from there"
    server.answers = []
    assert get() == DATA


def test_progress_resets_the_count_of_failures(get, server):
    server.cut = [100_000 * (attempt % 2) for attempt in range(1, 12)]
    assert get() == DATA
    assert len(server.asked) == 12


def test_no_server(get, server, monkeypatch):
    server.address = "http://127.0.0.1:9"  # the discard port, where nobody listens
    with pytest.raises(UserError, match="Connection refused") as error:
        get()
    assert "kept" not in str(error.value)


@pytest.mark.parametrize("code", [403, 404, 410])
def test_a_refusal_is_final(get, server, tmp_path, code):
    server.answers = [code]
    with pytest.raises(UserError, match=f"answered {code}"):
        get()
    assert len(server.asked) == 1
    assert kept(tmp_path) is None


def test_another_size_is_told_before_anything_is_downloaded(get, server, tmp_path):
    with pytest.raises(UserError, match=f"has {SIZE} bytes, but the archive a.tar.gz has 5"):
        get(size=5)
    assert kept(tmp_path) is None


def test_wrong_bytes_are_not_kept(get, server, tmp_path):
    server.files["a.tar.gz"] = DATA[:-1] + b"!"
    with pytest.raises(UserError, match=r"is not the expected archive: its SHA-256 is .* instead of"):
        get()
    assert kept(tmp_path) is None
    assert len(server.asked) == 1


def test_an_unknown_archive_must_at_least_be_one(get, server, tmp_path):
    server.files["a.tar.gz"] = b"<html>Please log in</html>"
    with pytest.raises(UserError, match="not gzip-compressed"):
        get(size=None, sha256=None, trust=True)
    assert kept(tmp_path) is None


def test_a_slow_connection_is_waited_for(get, server):
    server.pause = 0.01
    assert get() == DATA
    assert len(server.asked) == 1


def test_a_connection_that_stalls_is_broken_off(get, server, monkeypatch, capsys):
    monkeypatch.setattr(download, "TIMEOUT_S", 0.2)
    server.stall = [200_000]
    assert get() == DATA
    assert [wanted for _, wanted in server.asked] == [None, "bytes=200000-"]
    assert "timed out" in capsys.readouterr().err


def test_the_proxy_of_the_environment_is_used(get, server, monkeypatch):
    monkeypatch.setenv("http_proxy", server.address)
    server.address = "http://download.example"
    assert get() == DATA
    assert server.asked == [("http://download.example/a.tar.gz", None)]


def test_progress_is_told(get, server, monkeypatch, capsys):
    monkeypatch.setattr("boxwright.console.progress.PLAIN_INTERVAL_S", 0.0)
    get()
    assert "Downloading a.tar.gz: 1 of 3" in capsys.readouterr().err


def test_a_look_at_a_server_that_knows_no_head_reads_nothing_of_the_file(server):
    server.files["a.tar.gz"] = DATA
    assert download.unreachable(f"{server.address}/a.tar.gz") == ""
    assert download.unreachable(f"{server.address}/b.tar.gz") == "the server answered 404 Not Found"
