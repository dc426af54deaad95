"""Two people, a coarse protocol, and the digest of what was simulated of them."""

import hashlib

from study.phantom.scanner.protocol import Protocol
from study.phantom.scanner.scan import Habitus

COARSE = Protocol(matrix=64)
WOMAN, MAN = Habitus("female", 48.0), Habitus("male", 55.0)


def digest(scan):
    return hashlib.sha256(
        b"".join(a.tobytes() for a in (scan.hu, scan.lung_mask, scan.infection_mask, scan.vessels))
    ).hexdigest()
