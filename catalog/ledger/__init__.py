"""The ledger: what a trainer appends as it goes, so that it can later be told what it saw.

Light enough to live inside any trainer: pyarrow and the standard library, no database, no torch.
Each process writes segments of its own, whole or not at all: one that exists can be read, whatever
was killed when. Nothing is ever written again, and nobody waits for anybody.
"""

from catalog.ledger.folder import RunFolder
from catalog.ledger.log import Ledger, LedgerWarning
from catalog.ledger.manifest import MANIFEST, ledgers, parse_manifest, read_manifest
from catalog.ledger.segments import SCHEMAS, TOLD, encode

__all__ = [
    "MANIFEST",
    "SCHEMAS",
    "TOLD",
    "Ledger",
    "LedgerWarning",
    "RunFolder",
    "encode",
    "ledgers",
    "parse_manifest",
    "read_manifest",
]
