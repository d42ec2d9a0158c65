"""Short hashes of plain values. All identities are made with them."""

import hashlib
import json
from typing import Any


def short(*parts: Any) -> str:
    """A hash of plain values (JSON's types, bytes), 16 hexadecimal digits; the order of keys does not matter."""
    digest = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True).encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:16]
