"""What a purge cannot reach, or leaves on purpose: told, so that people can look after it."""

import json
from typing import Any

from catalog.home import Home
from catalog.purging.files import foreign, written_by_users
from catalog.purging.sweeping import hits
from catalog.purging.traces import Traces
from catalog.retire import relation
from catalog.sql import load
from catalog.store import Store
from catalog.vectors import Ids

LEAST_CHARACTERS = 12
"""Of a message, for a query of the same words to be told: everybody says "Yes."."""

MEMBERS_FORGOTTEN = ": the snapshot is deleted, so look whether it holds any"


def beyond(home: Home, ids: Ids) -> list[str]:
    """Return, in words, where samples' text may be that stays: a line each.

    Exports of what was purged earlier are told again: a purge that is killed tells nothing.

    Args:
        home: the catalog's.
        ids: of the samples, which still have their text.
    """
    with Store(home).read() as reader:
        reader.register("chosen", relation(ids))
        exports = reader.rows(load("purge/exports"))
        queries = reader.rows(load("purge/queries"), least=LEAST_CHARACTERS)
        copies = reader.rows(load("purge/backups"))
    told = [
        f"export of {row['snapshot']} ({row['format']}): {row['path']}, "
        f"written {row['exported_at']:%Y-%m-%d}{MEMBERS_FORGOTTEN if row['deleted'] else ''}"
        for row in exports
    ]
    told += [
        f"backup: {json.loads(row['parameters'])['folder']}, made {row['started_at']:%Y-%m-%d}"
        for row in copies
    ]
    told += [f"{_query(row)} says the same, and stays: it is no sample" for row in queries]
    users = list(written_by_users(home))
    for number in sorted(hits(home, ids, Traces([text for _, text in users], cautious=False))):
        told.append(f"{users[number][0]} repeats some of it: it is yours to change")
    told += [f"{path} is not the catalog's: look whether it holds a copy" for path in foreign(home)]
    return told


def _query(row: dict[str, Any]) -> str:
    role = "" if row["role"] == "select" else f":{row['role']}"
    named = f", {row['external_id']}" if row["external_id"] else ""
    return f"query {row['position']:,} of {row['task']}{role} (revision {row['revision']}{named})"
