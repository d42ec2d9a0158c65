"""Compile the .proto files beside this module into descriptors.binpb: `python -m boxwright.protos.compile`.

grpcio-tools is needed for this alone; it is a development dependency and nothing imports this module at run time.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from boxwright.console.progress import say
from boxwright.core.files import writing
from boxwright.protos import DESCRIPTORS


def compile_descriptors(folder: Path = DESCRIPTORS.parent) -> bytes:
    """The serialized FileDescriptorSet of every .proto file under `folder`, imported files before their users."""
    sources = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.proto"))
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "descriptors.binpb"
        arguments = [f"--proto_path={folder}", "--include_imports", f"--descriptor_set_out={out}", *sources]
        # A process of its own: the compiler's C++ runtime and TensorFlow's crash each other within one.
        subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *arguments], check=True)
        return out.read_bytes()


def main() -> None:
    data = compile_descriptors()
    with writing(DESCRIPTORS) as file:
        file.write(data)
    say(f"{DESCRIPTORS}: {len(data)} bytes")


if __name__ == "__main__":
    main()
