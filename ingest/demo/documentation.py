"""Read the standard library's documentation: one entry per public class, function and method."""

import inspect
import pydoc
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Literal

from ingest.demo.conversation import whole_sentences

SUMMARY_CHARACTERS_AT_LEAST = 40
SIGNATURE_CHARACTERS_AT_MOST = 90

CALL_LINE = re.compile(r"^[\w.]+\(.*\)\s*(-+>.*|--.*)?$")
ROLE_MARKUP = re.compile(r":[a-z:]+:`~?([^`]*)`")
UNSTABLE_REPR = re.compile(r"[<{]")
"""Defaults that print as an address, or as a set, differ from one process to the next."""

Kind = Literal["class", "function", "method", "property"]


@dataclass(frozen=True)
class Entry:
    """One documented name of the standard library.

    Attributes:
        name: dotted, as a reader would write it: `asyncio.Queue.get`.
        signature: of the call, without `self`; None where Python cannot tell a short, stable one.
        summary: the first whole sentences of its documentation, on one line.
    """

    name: str
    kind: Kind
    signature: str | None
    summary: str


def read_entries(names: Sequence[str]) -> list[Entry]:
    """Return the documented members of modules and types, in the order of `names`.

    Names that this build of Python lacks are passed over: optional modules differ by platform.

    Args:
        names: of modules (`asyncio`) or built-in types (`str`).
    """
    with warnings.catch_warnings():
        # Reading a deprecated member is no use of it, so its warning would mislead.
        warnings.simplefilter("ignore")
        return [entry for name in names for entry in _entries_of(name)]


def _entries_of(name: str) -> Iterator[Entry]:
    try:
        subject = pydoc.locate(name)
    except pydoc.ErrorDuringImport:  # an extension module this build was made without
        return
    if inspect.ismodule(subject):
        members = _module_members(subject)
    elif inspect.isclass(subject):
        members = _class_members(subject)
    else:
        return
    for member_name, member, kind in members:
        if _is_pythons_own(member) and (entry := _entry(f"{name}.{member_name}", member, kind)):
            yield entry


def _is_pythons_own(member: object) -> bool:
    """Tell whether a member came with Python: other libraries add methods to its classes."""
    home = str(getattr(member, "__module__", None) or "builtins")
    return home.split(".")[0] in sys.stdlib_module_names


def _module_members(module: ModuleType) -> Iterator[tuple[str, object, Kind]]:
    declared = getattr(module, "__all__", None)
    for name in sorted(set(declared or vars(module))):
        member = getattr(module, name, None)
        if name.startswith("_") or inspect.ismodule(member):
            continue
        # Without `__all__`, whatever the module imported for itself looks public too.
        if declared is None and getattr(member, "__module__", None) != module.__name__:
            continue
        if inspect.isclass(member):
            if member.__name__ != name:  # an alias, like `socket.error` for OSError
                continue
            yield name, member, "class"
            for method_name, method, kind in _class_members(member):
                yield f"{name}.{method_name}", method, kind
        elif inspect.isroutine(member):
            yield name, member, "function"


def _class_members(owner: type) -> Iterator[tuple[str, object, Kind]]:
    for name, value in sorted(vars(owner).items()):
        if name.startswith("_"):
            continue
        if isinstance(value, property):
            yield name, value, "property"
        elif isinstance(value, staticmethod | classmethod) or inspect.isroutine(value):
            yield name, getattr(owner, name), "method"


def _entry(name: str, member: object, kind: Kind) -> Entry | None:
    summary = summarize(inspect.getdoc(member) or "")
    if len(summary) < SUMMARY_CHARACTERS_AT_LEAST or summary.startswith("Alias for field"):
        return None
    return Entry(name, kind, None if kind == "property" else _signature(name, member), summary)


def summarize(documentation: str) -> str:
    r"""Return the leading prose of a docstring, without call lines, lists and examples.

    >>> summarize("find(sub) -> int\n\nReturn the lowest\nposition.\n\n>>> find('a')\n0")
    'Return the lowest position.'
    """
    lines = documentation.split("\n")
    while lines and (not lines[0].strip() or CALL_LINE.match(lines[0])):
        lines.pop(0)
    prose: list[str] = []
    for paragraph in "\n".join(lines).split("\n\n"):
        if not _is_prose(paragraph):
            break
        prose.append(paragraph.strip())
    return whole_sentences(ROLE_MARKUP.sub(r"`\1`", "\n".join(prose)))


def _is_prose(paragraph: str) -> bool:
    lines = paragraph.strip("\n").split("\n")
    marked = any(line.startswith((" ", "\t", ">>>", "-", "*", ":", "=", "|")) for line in lines)
    return paragraph[:1].isalnum() and not marked


def _signature(name: str, member: object) -> str | None:
    if not callable(member):
        return None
    try:
        signature = inspect.signature(member)
    except (TypeError, ValueError):  # written in C, without a signature to read
        return None
    except (NameError, AttributeError):  # an annotation or a default that is no longer there
        return None
    parameters = list(signature.parameters.values())
    if parameters and parameters[0].name == "self":
        signature = signature.replace(parameters=parameters[1:])
    call = f"{name}{signature}"
    if len(call) > SIGNATURE_CHARACTERS_AT_MOST or UNSTABLE_REPR.search(call):
        return None
    return call
