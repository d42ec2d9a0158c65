"""A small zoo on a server of this machine, which can be told to misbehave."""

import gzip
import hashlib
import http.server
import io
import shutil
import ssl
import subprocess
import tarfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
import yaml

from boxwright.zoo import catalogue, download

NAME = "tiny_detector_2018_01_28"
CONTENTS = {"model.ckpt.index": b"i" * 100, "model.ckpt.data-00000-of-00001": bytes(range(256)) * 10_000}


def archive(contents, top=NAME, members=()):
    """A .tar.gz of `contents` ({path: bytes}) in a folder `top`, and of further TarInfo `members`, without their bytes.

    It is hardly smaller than its contents, and equal contents give equal bytes.
    """
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, data in contents.items():
            info = tarfile.TarInfo(f"{top}/{name}" if top else name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for member in members:
            tar.addfile(member)
    return gzip.compress(stream.getvalue(), compresslevel=0, mtime=0)


@dataclass
class Server:
    """What the server has (`files`, by name), how it behaves, and what it was asked for (`asked`: path and Range).

    moved: the address of another server, to which it sends everybody.
    answers: HTTP status codes given instead of the file, one per request; cut: bytes after which each connection ends,
    one per request, None for never; stall: the same, but the connection stays open; pause: seconds between pieces of
    64 KiB; ranges: whether Range is understood; length: whether Content-Length is told.
    """

    address: str = ""
    moved: str = ""
    files: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)
    answers: list = field(default_factory=list)
    cut: list = field(default_factory=list)
    stall: list = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    pause: float = 0.0
    ranges: bool = True
    length: bool = True


def handler(server):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.close_connection = True
            wanted = self.headers.get("Range")
            server.asked.append((self.path, wanted))
            if server.moved:
                self.send_response(302)
                self.send_header("Location", f"{server.moved}{self.path}")
                self.send_header("Content-Length", "0")
                return self.end_headers()
            if server.answers and (code := server.answers.pop(0)) != 200:
                return self.send_error(code)
            data = server.files.get(self.path.rsplit("/", 1)[-1])
            if data is None:
                return self.send_error(404)
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and server.ranges else 0
            if start and start >= len(data):
                return self.send_error(416)
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            if server.length:
                self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            return self.pour(data[start:])

        def pour(self, data):
            stall = server.stall.pop(0) if server.stall else None
            end = stall or (server.cut.pop(0) if server.cut else None)
            data = data if end is None else data[:end]
            try:
                for begin in range(0, len(data), 1 << 16):
                    self.wfile.write(data[begin : begin + (1 << 16)])
                    time.sleep(server.pause)
                if stall is not None:
                    server.closing.wait()
            except OSError:  # the client has gone
                pass

        def log_message(self, *_):
            pass

    return Handler


@contextmanager
def serving(context=None):
    """A server of this machine; over https with the certificate of `context`."""
    behaviour = Server()
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(behaviour))
    httpd.daemon_threads = True
    if context:
        httpd.socket = context.wrap_socket(httpd.socket, server_side=True)
    threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    behaviour.address = f"http{'s' if context else ''}://127.0.0.1:{httpd.server_port}"
    yield behaviour
    behaviour.closing.set()
    httpd.shutdown()
    httpd.server_close()


@pytest.fixture
def server():
    with serving() as behaviour:
        yield behaviour


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """The files of a certificate for 127.0.0.1 that it signed itself, and of its key."""
    if not shutil.which("openssl"):
        pytest.skip("the command openssl, which makes a certificate, is not installed")
    folder = tmp_path_factory.mktemp("certificate")
    files = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-out", str(files[0]), "-keyout", str(files[1])]
    subprocess.run(command, check=True, capture_output=True)
    return files


@pytest.fixture
def secure_server(certificate):
    """A server over https with a certificate that only it has signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with serving(context) as behaviour:
        yield behaviour


@pytest.fixture
def zoo(server, tmp_path, monkeypatch):
    """Make a catalogue with one detector on the server: zoo() -> its Entry; the current folder is a fresh one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(download, "PAUSE_S", 0.001)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "BOXWRIGHT_ZOO_MIRROR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)

    def make(data=None, *, checksum=True, address=None):
        data = archive({**CONTENTS, "pipeline.config": b"model { ssd { num_classes: 1 } }"}) if data is None else data
        server.files[f"{NAME}.tar.gz"] = data
        figures = {"family": "SSD", "extractor": "ssd_mobilenet_v1", "input": "300x300", "map": 21, "ms": 30}
        known = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} if checksum else {}
        table = {
            "title": "small ones",
            "checkpoint": "model.ckpt",
            "url": f"{address or server.address}/od/{{name}}.tar.gz",
            "map": "of nothing",
            "ms": "of nobody",
            "models": {NAME: figures | known},
        }
        path = tmp_path / "zoo.yaml"
        path.write_text(yaml.safe_dump({"tables": [table]}))
        catalogue._read.cache_clear()
        monkeypatch.setattr(catalogue, "CATALOGUE", path)
        return catalogue.find(NAME)

    return make
