"""Compile the .proto files beside this module into descriptors.binpb: `python -m boxwright.protos.compile`.

Only this module needs grpcio-tools, a development dependency. Nothing imports this module at run time.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from boxwright.console.progress import say
from boxwright.core.files import writing
from boxwright.protos import DESCRIPTORS


def compile_descriptors(folder: Path = DESCRIPTORS.parent) -> bytes:
    """The serialized FileDescriptorSet of all .proto files in `folder`, imported files before their importers."""
    sources = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.proto"))
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "descriptors.binpb"
        arguments = [f"--proto_path={folder}", "--include_imports", f"--descriptor_set_out={out}", *sources]
        # In a separate process: the C++ runtimes of the compiler and TensorFlow crash if they share one.
        subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *arguments], check=True)
        return out.read_bytes()


def main() -> None:
    data = compile_descriptors()
    with writing(DESCRIPTORS) as file:
        file.write(data)
    say(f"{DESCRIPTORS}: {len(data)} bytes")


if __name__ == "__main__":
    main()
