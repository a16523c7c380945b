"""What a purge does with every column that can hold text; a test holds this list complete."""

ERASED = {
    "sample": {"messages": "[]", "tools": "null"},
    "sample_source": {"metadata": "null"},
    "sample_score": {"label": "null"},
    "contamination_mark": {"evidence": "''"},
}
"""Emptied for every purged sample, by `sample_id`: tables, columns, and what is put there."""

REFUSED = {"rejection": ("raw", "detail")}
"""Emptied where they share so much as three words with a purged text: a refused row is often the
same row in another state, and nothing needs its text but somebody who mends the input."""

SWEPT = {
    "job": ("parameters", "error"),
    "source": ("uri", "license"),
    "sample_source": ("external_id", "file"),
    "retirement": ("reason",),
    "scorer": ("contract",),
    "snapshot": ("rule", "recipe", "author", "note"),
    "run": ("tags", "config", "manifest"),
    "attempt": ("manifest",),
    "training_step": ("reason",),
    "dropped_sample": ("reason",),
    "lost_exposure": ("reason",),
    "ledger_segment": ("problem",),
    "checkpoint": ("path",),
    "evaluation": ("settings", "file"),
}
"""Written by people or programs beside samples: what repeats a purged text there is overwritten."""

KEPT = {
    "change": "kind: a word of this library",
    "job": "kind, fingerprint, status, software_version: words and digests of this library",
    "source": "name, revision, format: what a source is called",
    "rejection": "source, file, reason: where and why, in words of this library",
    "task": "a task is no sample; queries of the same text are named instead",
    "query": "a task is no sample; queries of the same text are named instead",
    "contamination_check": "task, role, parameters, report: of the task's items",
    "contamination_mark": "kind, part: words of this library",
    "embedding_space": "a model's contract",
    "scorer": "name: what a scorer is called",
    "sample_list": "hashes only",
    "vector_index": "kind, parameters: of an index",
    "snapshot": "name, method, tasks, digest, software_version: names and digests",
    "snapshot_member": "task: a name",
    "run": "name, uid, model: names",
    "run_snapshot": "reference, digest: a name and a digest",
    "ledger_segment": "name, kind, digest: of files that hold hashes only",
    "evaluation": "benchmark, metric, digest: names and a digest",
    "export": "format, path: where an export lies, which is what has to be told",
}
"""Why the other columns of a table stay as they are."""
