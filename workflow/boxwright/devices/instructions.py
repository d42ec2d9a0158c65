"""The instructions of this processor that a training can gain by, as Linux names them in /proc/cpuinfo."""

import os
from pathlib import Path

# Products of bfloat16 with sums in float32: of tiles of matrices, and of vectors.
KNOWN = ("amx_bf16", "avx512_bf16")

# TensorFlow's switch for the library whose products use these instructions; without it there is no gain.
_ONEDNN = "TF_ENABLE_ONEDNN_OPTS"


def here(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """Those of `KNOWN` that this processor has and TensorFlow uses; empty where that cannot be told."""
    if os.environ.get(_ONEDNN) == "0":
        return frozenset()
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    flags = next((line.partition(":")[2] for line in lines if line.startswith("flags")), "")
    return frozenset(flags.split()).intersection(KNOWN)
