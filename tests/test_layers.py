"""Who may import whom: floors from the bottom up, heavy libraries in their own rooms, no cycles."""

import ast
from pathlib import Path

PROJECT = Path(__file__).parents[1]
PACKAGES = ("catalog", "ingest", "queries", "migrations")

FLOORS = (
    {"errors", "model", "progress", "identity", "ledger"},
    {"locks", "pieces", "references", "pages"},
    {"home", "recipe"},
    {"sql", "schema", "connection", "views"},
    {"reader"},
    {"store"},
    {"migrate", "vectors", "jobs", "spaces", "whitening", "scorers", "tasks"},
    {"similarity"},
    {"functions"},
    {"selecting"},
    {"snapshot", "rehashing", "verification"},
    {"freeze"},
    {"exporting"},
    {"select", "show", "runs", "audit", "backup", "training"},
    {"card", "contamination", "mix", "search", "retire"},
    {"purging"},
    {"checking"},
    {"why", "report"},
    {"compare"},
    {"status"},
    {"api"},
    {"cli", "demo"},
)
HEAVY = {
    "torch": {
        "catalog.similarity.best",
        "catalog.similarity.device",
        "catalog.similarity.product",
        "catalog.similarity.scoring",
        "catalog.search.partitions",
        "catalog.training.batches",
        "catalog.training.collating",
        "catalog.training.dataset",
        "catalog.training.processes",
        "catalog.training.watching",
        "catalog.demo.tiny_model",
        "catalog.demo.comparison",
        "catalog.demo.killed",
        "ingest.device",
        "ingest.encoder",
        "ingest.head",
        "ingest.pooling",
        "ingest.weights",
    },
    "transformers": {"ingest.weights", "catalog.demo.tiny_model", "catalog.training.callback"},
    "matplotlib": {"catalog.compare.plots"},
    "jinja2": {"catalog.pages.writing"},
    "lancedb": {
        "catalog.vectors",
        "catalog.purging.vectors",
        "catalog.checking.vectors",
    },
    "duckdb": {
        "catalog.functions.calls",
        "catalog.connection",
        "catalog.functions.tables",
        "catalog.migrate",
        "catalog.reader",
        "catalog.sql",
        "catalog.store",
        "catalog.views",
    },
}


def modules() -> dict[str, Path]:
    """Every module of the project by its name."""
    found = {}
    for package in PACKAGES:
        for path in (PROJECT / package).rglob("*.py"):
            name = ".".join(path.relative_to(PROJECT).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


def imports(path: Path, *, inside_functions: bool) -> set[str]:
    """The names of the modules that a file imports; those for types only do not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    local = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in typing_only or (id(node) in local and not inside_functions):
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module}
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def floor(module: str) -> int:
    """The floor of a module of `catalog`."""
    name = module.split(".")[1]
    [number] = [number for number, names in enumerate(FLOORS) if name in names]
    return number


def test_catalog_imports_downward_only() -> None:
    known = modules()
    wrong = []
    for name, path in known.items():
        if not name.startswith("catalog."):
            continue
        for other in imports(path, inside_functions=True) & known.keys():
            same_room = name.split(".")[:2] == other.split(".")[:2]
            if other.startswith("catalog.") and not same_room and floor(other) > floor(name):
                wrong.append(f"{name} imports {other}")
    assert wrong == []


def test_only_commands_import_ingest() -> None:
    for name, path in modules().items():
        if name.startswith("catalog") and not name.startswith(("catalog.cli", "catalog.demo")):
            found = {
                other
                for other in imports(path, inside_functions=True)
                if other.split(".")[0] == "ingest"
            }
            assert not found, name


def test_commands_import_nothing_heavy_before_they_run() -> None:
    light = {"click", "catalog", "rich"}
    for name, path in modules().items():
        if name.startswith("catalog.cli"):
            roots = {other.split(".")[0] for other in imports(path, inside_functions=False)}
            assert not roots & {"torch", "lancedb", "duckdb", "pyarrow", "ingest", "numpy"}, name
            assert light & roots or name == "catalog.cli.progress"


def test_queries_and_migrations_import_nothing_of_ours() -> None:
    for name, path in modules().items():
        if name.startswith(("queries", "migrations")):
            roots = {other.split(".")[0] for other in imports(path, inside_functions=True)}
            assert not roots & {"catalog", "ingest"}, name


def test_heavy_libraries_stay_in_their_rooms() -> None:
    for name, path in modules().items():
        roots = {other.split(".")[0] for other in imports(path, inside_functions=True)}
        for library, rooms in HEAVY.items():
            assert library not in roots or name in rooms, f"{name} imports {library}"


def test_no_module_imports_itself_in_a_circle() -> None:
    known = modules()
    graph = {
        name: {
            other for other in imports(path, inside_functions=False) & known.keys() if other != name
        }
        for name, path in known.items()
    }
    done: set[str] = set()

    def walk(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " → ".join((*above, name))
        if name not in done:
            for other in graph[name]:
                if not name.startswith(f"{other}."):
                    walk(other, (*above, name))
            done.add(name)

    for name in graph:
        walk(name, ())


def test_files_and_functions_are_short() -> None:
    for name, path in modules().items():
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") < 300, name
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and node.end_lineno:
                length = node.end_lineno - node.lineno + 1
                documented = ast.get_docstring(node)
                code = length - (documented.count("\n") + 1 if documented else 0)
                assert code <= 60, f"{name}.{node.name} has {code} lines"
