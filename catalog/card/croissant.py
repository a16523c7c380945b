"""Croissant 1.1 metadata of a data set: https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from catalog.card.facts import Facts

Json = dict[str, Any]

CONFORMS_TO = [
    "http://mlcommons.org/croissant/1.1",
    "http://mlcommons.org/croissant/RAI/1.0",
]
TERMS = (
    *("annotation", "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty"),
    *("excludes", "extract", "field", "fileProperty", "fileObject", "fileSet", "format"),
    *("includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path"),
    *("readLines", "recordSet", "references", "regex", "repeated", "replace", "samplingRate"),
    *("sdVersion", "separator", "source", "subField", "transform", "unArchive", "value"),
)
CONTEXT: Json = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in TERMS},
}
"""The specification's appendix 1, with PROV as its section on provenance asks."""

DESCRIPTIONS = {
    "id": "The sample's own id in its source, or its content hash.",
    "dataset": "The source that the sample first appeared in.",
    "content_hash": "SHA-256, in hexadecimal, of all that a model could be trained on.",
    "messages": "The conversation, in order.",
    "tools": "The tools offered to the model, as JSON text.",
    "snapshot": "The selection that holds the sample.",
    "position": "The sample's place in it, from 0.",
    "repeats": "How often the sample counts; it has as many rows.",
    "score": "What it was chosen by; higher is better.",
    "task": "The task that it was chosen for.",
    "query": "The query of that task.",
    "rank": "Its rank for that query, from 0.",
    "sources": "All sources that hold the sample.",
}


@dataclass(frozen=True)
class DataFile:
    """The data file.

    Attributes:
        path: relative to the metadata.
        sha256: of its bytes, in hexadecimal.
        size_bytes: how long it is.
        rows: it has.
        schema: of these.
    """

    path: str
    sha256: str
    size_bytes: int
    rows: int
    schema: pa.Schema


@dataclass(frozen=True)
class Publication:
    """What nobody but the publisher knows.

    Attributes:
        creator: a person or an organization; None for the snapshot's author.
        url: the data set's page.
        languages: of the text, as BCP 47 tags.
    """

    creator: str | None = None
    url: str | None = None
    languages: tuple[str, ...] = ()


def metadata(facts: Facts, file: DataFile, publication: Publication) -> Json:
    """Return the JSON-LD of a data set."""
    snapshot = facts.snapshot
    known: Json = {
        "url": publication.url,
        "creator": _creator(publication.creator or snapshot.author),
        "inLanguage": list(publication.languages),
        "license": [license.url or license.name for license in facts.licenses],
    }
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": snapshot.name,
        "description": _description(facts, file),
        "conformsTo": CONFORMS_TO,
        **{name: value for name, value in known.items() if value},
        "version": f"{snapshot.version}.0.0",
        "datePublished": _day(snapshot.created_at),
        "dateCreated": _day(snapshot.created_at),
        "citeAs": f"{snapshot}, SHA-256 digest of its content hashes in order {snapshot.digest}",
        "keywords": ["instruction tuning", "conversations"],
        "isLiveDataset": False,
        **_provenance(facts),
        **_responsibility(facts),
        "distribution": [_file_object(file)],
        "recordSet": [_record_set(file)],
    }


def _description(facts: Facts, file: DataFile) -> str:
    names = ", ".join(source.name for source in facts.sources[:10])
    more = ", …" if len(facts.sources) > 10 else ""
    return (
        f"{file.rows:,} conversations for instruction tuning, selected from {names}{more}: "
        f"{facts.method}."
    )


def _creator(name: str | None) -> Json | None:
    return {"@type": "sc:Person", "name": name} if name else None


def _day(moment: datetime) -> str:
    return moment.date().isoformat()


def _provenance(facts: Facts) -> Json:
    """Say what the data set was made of, how and by what, in W3C PROV."""
    snapshot = facts.snapshot
    software = {
        "@type": "prov:SoftwareAgent",
        "@id": "urn:catalog:software",
        "prov:label": f"instruct-catalog {snapshot.software_version}",
    }
    return {
        "prov:wasDerivedFrom": [
            {
                "@type": "prov:Entity",
                "@id": source.identifier,
                "prov:label": f"{source.name}@{source.revision}",
                **({"sc:license": source.license.name} if source.license else {}),
            }
            for source in facts.sources
        ],
        "prov:wasGeneratedBy": {
            "@type": "prov:Activity",
            "@id": f"urn:catalog:digest:{snapshot.digest}",
            "prov:label": f"selection: {facts.method}",
            "prov:endedAtTime": snapshot.created_at.isoformat(),
            "prov:wasAssociatedWith": software,
            "sc:text": snapshot.recipe.json(),
        },
    }


def _responsibility(facts: Facts) -> Json:
    """Say what the responsible-AI vocabulary asks for and the catalog knows."""
    shares = ", ".join(
        f"{source.first_members:,} of {source.name}@{source.revision}"
        for source in facts.sources
        if source.first_members
    )
    limitations = [facts.marked.in_words]
    if facts.retired:
        limitations.append(f"{facts.retired:,} of the samples have been taken back since.")
    if facts.purged:
        limitations.append(f"{facts.purged:,} samples are left out: their text was destroyed.")
    if facts.unlicensed:
        names = ", ".join(source.name for source in facts.unlicensed)
        limitations.append(f"No licence is known of: {names}.")
    return {
        "rai:dataCollection": f"Selected from existing data sets, each sample once: {shares}.",
        "rai:dataCollectionType": ["Secondary Data Analysis"],
        "rai:dataPreprocessingProtocol": [
            "Exact duplicates, by a SHA-256 over all that a model could be trained on, are one "
            "sample.",
            f"Members were chosen by this rule: {facts.method}.",
        ],
        "rai:dataLimitations": limitations,
        "rai:dataUseCases": ["Instruction tuning of language models."],
        "rai:dataReleaseMaintenancePlan": "A version never changes; its digest shows it.",
    }


def _file_object(file: DataFile) -> Json:
    return {
        "@type": "cr:FileObject",
        "@id": "data",
        "name": file.path.rpartition("/")[2],
        "description": "All rows, in order.",
        "contentUrl": file.path,
        "contentSize": f"{file.size_bytes} B",
        "encodingFormat": "application/x-parquet",
        "sha256": file.sha256,
    }


def _record_set(file: DataFile) -> Json:
    return {
        "@type": "cr:RecordSet",
        "@id": "conversations",
        "name": "conversations",
        "description": "One record per conversation.",
        "field": [_field(field) for field in file.schema],
    }


def _field(field: pa.Field) -> Json:
    kind = field.type
    described = {
        "@type": "cr:Field",
        "@id": f"conversations/{field.name}",
        "name": field.name,
        "description": DESCRIPTIONS[field.name],
    }
    is_list = pa.types.is_list(kind)
    if is_list and pa.types.is_struct(kind.value_type):
        parts = [_part(field.name, part) for part in kind.value_type]
        return {**described, "isArray": True, "arrayShape": "-1", "subField": parts}
    array = {"isArray": True, "arrayShape": "-1"} if is_list else {}
    return {
        **described,
        **array,
        "dataType": _data_type(kind.value_type if is_list else kind),
        "source": _source(field.name),
    }


def _part(column: str, part: pa.Field) -> Json:
    return {
        "@type": "cr:Field",
        "@id": f"conversations/{column}/{part.name}",
        "name": part.name,
        "dataType": _data_type(part.type),
        "source": {**_source(column), "transform": {"jsonPath": part.name}},
    }


def _source(column: str) -> Json:
    return {"fileObject": {"@id": "data"}, "extract": {"column": column}}


def _data_type(kind: pa.DataType) -> str:
    tests: Sequence[tuple[Any, str]] = (
        (pa.types.is_boolean, "sc:Boolean"),
        (pa.types.is_int32, "cr:Int32"),
        (pa.types.is_integer, "cr:Int64"),
        (pa.types.is_float32, "cr:Float32"),
        (pa.types.is_floating, "cr:Float64"),
    )
    return next((name for test, name in tests if test(kind)), "sc:Text")
