"""Short hashes of plain values: the one way in which identities are made."""

import hashlib
import json
from typing import Any


def short(*parts: Any) -> str:
    """Sixteen hexadecimal digits over plain values (JSON's types, bytes), the same whatever the order of keys."""
    digest = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True).encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:16]
