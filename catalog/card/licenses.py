"""Licences as sources name them, and as Croissant and the Hugging Face hub write them."""

from dataclasses import dataclass

SPDX = {
    "afl-3.0": "AFL-3.0",
    "agpl-3.0": "AGPL-3.0-only",
    "apache-2.0": "Apache-2.0",
    "artistic-2.0": "Artistic-2.0",
    "bsd-2-clause": "BSD-2-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "cc-by-2.0": "CC-BY-2.0",
    "cc-by-3.0": "CC-BY-3.0",
    "cc-by-4.0": "CC-BY-4.0",
    "cc-by-nc-2.0": "CC-BY-NC-2.0",
    "cc-by-nc-3.0": "CC-BY-NC-3.0",
    "cc-by-nc-4.0": "CC-BY-NC-4.0",
    "cc-by-nc-nd-4.0": "CC-BY-NC-ND-4.0",
    "cc-by-nc-sa-3.0": "CC-BY-NC-SA-3.0",
    "cc-by-nc-sa-4.0": "CC-BY-NC-SA-4.0",
    "cc-by-nd-4.0": "CC-BY-ND-4.0",
    "cc-by-sa-3.0": "CC-BY-SA-3.0",
    "cc-by-sa-4.0": "CC-BY-SA-4.0",
    "cc0-1.0": "CC0-1.0",
    "cdla-permissive-1.0": "CDLA-Permissive-1.0",
    "cdla-permissive-2.0": "CDLA-Permissive-2.0",
    "cdla-sharing-1.0": "CDLA-Sharing-1.0",
    "gpl-2.0": "GPL-2.0-only",
    "gpl-3.0": "GPL-3.0-only",
    "isc": "ISC",
    "lgpl-2.1": "LGPL-2.1-only",
    "lgpl-3.0": "LGPL-3.0-only",
    "mit": "MIT",
    "mpl-2.0": "MPL-2.0",
    "odbl": "ODbL-1.0",
    "odc-by": "ODC-By-1.0",
    "pddl": "PDDL-1.0",
    "psfl": "PSF-2.0",
    "unlicense": "Unlicense",
    "wtfpl": "WTFPL",
    "zlib": "Zlib",
}
"""SPDX identifiers by what the hub calls the same licence."""

BY_NAME = {spdx.lower(): hub for hub, spdx in SPDX.items()} | {hub: hub for hub in SPDX}


@dataclass(frozen=True)
class License:
    """A licence.

    Attributes:
        name: its SPDX identifier, or what the source calls it.
        hub: what the hub calls it; `other` if it has no name for it.
        url: where its text is; None if it is not known.
    """

    name: str
    hub: str
    url: str | None


def known(name: str) -> License:
    """Return the licence that a source names.

    >>> known("Apache 2.0").url
    'https://spdx.org/licenses/Apache-2.0.html'
    >>> known("my own terms")
    License(name='my own terms', hub='other', url=None)
    """
    hub = BY_NAME.get("-".join(name.strip().lower().split()))
    if hub is not None:
        return License(SPDX[hub], hub, f"https://spdx.org/licenses/{SPDX[hub]}.html")
    url = name.strip() if name.strip().startswith(("http://", "https://")) else None
    return License(name.strip(), "other", url)
