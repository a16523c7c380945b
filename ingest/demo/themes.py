"""Which modules the demo documents, by theme.

Only modules whose import does nothing but define names: no `antigravity` (opens a browser), no
`this` (prints), nothing that touches a terminal or a display. `base64`, `csv` and `selectors`
stand under two themes, so that the pool holds exact duplicates for the catalog to find.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Theme:
    """A source of documentation samples.

    Attributes:
        source: the name of its pool file.
        size: at most this many samples of it go into the pool.
        leads: what a user may say before the question.
        listing: modules and built-in types, separated by spaces.
    """

    source: str
    size: int
    leads: tuple[str, ...]
    listing: str

    @property
    def names(self) -> list[str]:
        """The modules and built-in types to document, in order."""
        return self.listing.split()


TEXT = Theme(
    source="pydoc_text",
    size=300,
    leads=(
        "I am cleaning up some text.",
        "I have strings from many files to tidy.",
        "This is about characters and strings.",
        "My script formats a report for people to read.",
    ),
    listing=(
        "str bytes bytearray string re textwrap difflib unicodedata codecs html html.parser "
        "shlex pprint reprlib base64 binascii quopri locale"
    ),
)

CONCURRENCY = Theme(
    source="pydoc_concurrency",
    size=340,
    leads=(
        "My program runs several threads.",
        "I want several things to happen at once.",
        "Two workers share some state.",
        "I am waiting for tasks that run in the background.",
    ),
    listing=(
        "threading asyncio concurrent.futures multiprocessing multiprocessing.pool "
        "multiprocessing.managers multiprocessing.connection multiprocessing.shared_memory queue "
        "subprocess sched signal select selectors contextvars"
    ),
)

NUMBERS = Theme(
    source="pydoc_numbers",
    size=270,
    leads=(
        "I am computing with numbers.",
        "Precision matters in my calculation.",
        "I measure something and summarise it.",
    ),
    listing=(
        "int float complex math cmath decimal fractions statistics random numbers operator "
        "secrets hashlib hmac time timeit"
    ),
)

FILES = Theme(
    source="pydoc_files",
    size=480,
    leads=(
        "I have a folder full of files.",
        "My script reads and writes files.",
        "This is about paths and archives.",
        "I am making backups.",
    ),
    listing=(
        "os os.path pathlib shutil tempfile glob fnmatch io zipfile tarfile gzip bz2 lzma zlib "
        "filecmp fileinput configparser csv mmap linecache netrc plistlib tomllib "
        "importlib.resources"
    ),
)

NETWORK = Theme(
    source="pydoc_network",
    size=540,
    leads=(
        "I am writing a small web client.",
        "My server answers requests.",
        "I have to send an email from a script.",
        "This is about addresses and connections.",
    ),
    listing=(
        "socket ssl http.client http.server http.cookies http.cookiejar urllib.request "
        "urllib.parse urllib.error urllib.robotparser email email.message email.policy "
        "email.headerregistry email.utils email.header email.charset email.generator "
        "email.parser smtplib ftplib imaplib poplib socketserver xmlrpc.client xmlrpc.server "
        "ipaddress mimetypes wsgiref.util wsgiref.headers wsgiref.handlers uuid mailbox "
        "selectors base64"
    ),
)

DATA = Theme(
    source="pydoc_data",
    size=390,
    leads=(
        "I am choosing a data structure.",
        "I keep many objects in memory.",
        "My data comes as nested records.",
        "This is about dates and collections.",
    ),
    listing=(
        "list dict set tuple collections collections.abc heapq bisect array copy enum "
        "dataclasses json pickle sqlite3 struct datetime calendar zoneinfo itertools functools "
        "weakref types graphlib xml.etree.ElementTree xml.dom.minidom xml.sax.handler csv "
        "shelve"
    ),
)

TOOLS = Theme(
    source="pydoc_tools",
    size=560,
    leads=(
        "I am writing a tool for developers.",
        "My tests do not say enough.",
        "I want to know what my program is doing.",
        "This is about programs that read programs.",
    ),
    listing=(
        "ast dis tokenize typing logging logging.handlers logging.config unittest "
        "unittest.mock argparse optparse traceback warnings bdb cmd code trace tracemalloc gc "
        "sys sysconfig platform importlib importlib.abc importlib.util importlib.metadata "
        "pkgutil getopt abc pstats symtable zipimport compileall py_compile pyclbr"
    ),
)

THEMES = (TEXT, CONCURRENCY, NUMBERS, FILES, NETWORK, DATA, TOOLS)
