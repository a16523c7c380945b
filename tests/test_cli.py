"""The command as people and programs use it: exit codes, one JSON object, messages that mend."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from catalog.cli import cli
from tests.conftest import talk

PROJECT = Path(__file__).parents[1]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def run(home: Path) -> Callable[..., Result]:
    """Run `catalog --home HOME …` in this process."""

    def invoke(*words: object, input: str | None = None) -> Result:
        return CliRunner().invoke(cli, ["--home", str(home), *map(str, words)], input=input)

    return invoke


@pytest.fixture
def filled(run: Callable[..., Result], write_jsonl: Callable[..., Path]) -> Callable[..., Result]:
    """The same, on a home with thirty samples of three sources."""
    rows = [
        talk(
            f"What is {number} + 1?", str(number + 1), id=f"row-{number}", dataset=f"s{number % 3}"
        )
        for number in range(30)
    ]
    assert run("init").exit_code == 0
    assert run("ingest", write_jsonl("rows.jsonl", rows)).exit_code == 0
    return run


def process(*words: object, home: Path, **options: Any) -> subprocess.Popen[str]:
    """Start `catalog …` as a process of its own, which can be interrupted as in a terminal."""
    # Where the tests run in the background, processes would inherit that nothing interrupts them.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return _started(*words, home=home, **options)
    finally:
        signal.signal(signal.SIGINT, before)


def _started(*words: object, home: Path, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "catalog.cli", "--home", str(home), *map(str, words)],
        cwd=PROJECT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def test_without_a_home_every_command_says_how_to_make_one(run: Callable[..., Result]) -> None:
    for words in (
        ["status"],
        ["snapshots"],
        ["jobs"],
        ["sql", "select 1"],
        ["select", "a", "--method", "random", "--size", "1"],
        ["migrate"],
        ["embed", "--space", "s"],
        ["audit", "run", "r"],
    ):
        result = run(*words)
        assert result.exit_code == 1, words
        assert "no catalog home" in result.stderr
        assert "catalog init" in result.stderr


def test_init_twice_finds_the_home(run: Callable[..., Result], home: Path) -> None:
    assert "made a catalog home" in run("init").stdout
    assert "found a catalog home" in run("init").stdout
    assert json.loads(run("init", "--json").stdout)["made"] is False


def test_home_may_be_named_before_or_after_the_command_or_by_the_environment(
    tmp_path: Path,
) -> None:
    runner = CliRunner()
    for place, words, environment in (
        ("a", ["--home", str(tmp_path / "a"), "init"], {}),
        ("b", ["init", "--home", str(tmp_path / "b")], {}),
        ("c", ["init"], {"CATALOG_HOME": str(tmp_path / "c")}),
    ):
        assert runner.invoke(cli, words, env=environment).exit_code == 0
        assert (tmp_path / place / "catalog.toml").exists()


def test_ingest_reports_counts_and_refusals_and_exits_with_0(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    run("init")
    path = tmp_path / "mixed.jsonl"
    path.write_text(json.dumps(talk("hi")) + "\n{broken\n" + json.dumps(talk("hi")) + "\n")
    result = run("ingest", path, "--source", "s")
    assert result.exit_code == 0
    assert "read 3 = added 1 + duplicate 1 + refused 1" in result.stdout
    assert "refused 1: broken JSON" in result.stdout
    assert "format: messages, 1 input" in result.stderr
    again = run("ingest", path, "--source", "s")
    assert "read 3 = added 0 + duplicate 2 + refused 1" in again.stdout


def test_strict_ingest_fails_with_1_and_adds_nothing(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    run("init")
    path = tmp_path / "mixed.jsonl"
    path.write_text(json.dumps(talk("hi")) + "\n{broken\n")
    result = run("ingest", path, "--source", "s", "--strict")
    assert result.exit_code == 1
    assert "mixed.jsonl:2: broken JSON" in result.stderr
    assert json.loads(run("sql", "select count(*) as n from sample", "--json").stdout) == {
        "rows": [{"n": 0}]
    }


def test_every_listing_prints_one_json_object(filled: Callable[..., Result]) -> None:
    filled("select", "a", "--method", "random", "--size", "5")
    for words in (
        ["status"],
        ["jobs"],
        ["tasks"],
        ["snapshots"],
        ["runs"],
        ["methods"],
        ["show", "a"],
        ["verify", "a"],
        ["audit", "sample", "row-3"],
        ["sql", "select 1 as one"],
    ):
        result = filled(*words, "--json")
        assert result.exit_code == 0, result.stderr
        assert isinstance(json.loads(result.stdout), dict), words
        assert filled(*words).exit_code == 0


def test_select_prints_the_same_facts_as_json(filled: Callable[..., Result]) -> None:
    made = json.loads(filled("select", "a", "--method", "balanced", "--size", 6, "--json").stdout)
    assert (made["snapshot"], made["size"], made["is_new"]) == ("a@1", 6, True)
    again = json.loads(filled("select", "a", "--method", "balanced", "--size", 6, "--json").stdout)
    assert (again["snapshot"], again["digest"], again["is_new"]) == ("a@1", made["digest"], False)
    mix = json.loads(filled("show", "a", "--json").stdout)["sources"]
    assert {row["source"]: row["members"] for row in mix} == {"s0": 2, "s1": 2, "s2": 2}


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["select", "a", "--method", "ronud_robin", "--size", "1"], "no method", "round_robin"),
        (["select", "a", "--method", "random", "--size", "0"], "size is 0", None),
        (["select", "a", "--method", "random", "--size", "31"], "there are 30", "--allow-fewer"),
        (["select", "a", "--method", "random"], "no size", "--size"),
        (["select", "a"], "expected one", "--method"),
        (["select", "a@1", "--method", "random", "--size", "1"], "cannot be a name", None),
        (["select", "a", "--method", "round_robin", "--size", "1"], "embedding spaces", "embed"),
        (
            ["select", "a", "--method", "random", "--size", "1", "--where", "nope = 1"],
            "nope",
            "Known columns:",
        ),
        (["show", "b"], "no snapshot", "none yet"),
        (["verify", "b@x"], "names no version", "b@1"),
        (["export", "b", "--output", "x"], "no snapshot", None),
        (["tasks", "add", "t", "missing.jsonl"], "no file or folder", None),
        (["ingest", "missing.jsonl"], "no file or folder", None),
        (["audit", "sample", "nobody"], "no sample", "catalog sql"),
        (["audit", "run", "nobody"], "no run", "runs import"),
        (["runs", "import", "nobody"], "no ledger", None),
        (["sql", "select 1; select 2"], "not one SELECT", None),
        (["sql", "drop table sample"], "not one SELECT", None),
        (["sql", "selec 1"], "syntax error", None),
        (["sql", "select * from read_csv('/etc/passwd')"], "disabled", None),
        (["sql", "select nope from sample"], "nope", "show all tables"),
    ],
)
def test_a_mistake_exits_with_1_and_says_what_to_do(
    filled: Callable[..., Result], words: list[str], message: str, hint: str | None
) -> None:
    result = filled(*words)
    assert result.exit_code == 1, result.output
    assert message in result.stderr
    if hint:
        assert "Hint:" in result.stderr
        assert hint in result.stderr.split("Hint:")[1]
    assert "Traceback" not in result.output


def test_usage_mistakes_exit_with_2(tmp_path: Path) -> None:
    for words in (["select"], ["nope"], ["ingest"], ["init", "--nope"]):
        with process(*words, home=tmp_path) as child:
            _, stderr = child.communicate(timeout=30)
            assert child.returncode == 2, words
            assert "Usage:" in stderr


def test_an_interrupt_exits_with_130_and_the_job_goes_on_when_run_again(
    run: Callable[..., Result], tmp_path: Path, home: Path
) -> None:
    run("init")
    path = tmp_path / "many.jsonl"
    with path.open("w") as stream:
        for number in range(150_000):
            stream.write(json.dumps(talk(f"Question {number}? " + "x" * 200)) + "\n")
    with process("ingest", path, "--source", "s", home=home) as child:
        while not list((home / "staging").glob("job-*/*")):
            assert child.poll() is None, child.communicate()
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        _, stderr = child.communicate(timeout=60)
    assert child.returncode == 130, stderr
    assert "Interrupted" in stderr
    [job] = json.loads(run("jobs", "--json").stdout)["jobs"]
    assert job["status"] == "interrupted"
    result = run("ingest", path, "--source", "s")
    assert "went on with job 1" in result.stdout
    assert "read 150,000 = added 150,000 + duplicate 0 + refused 0" in result.stdout


def test_sql_reads_a_statement_from_standard_input_and_writes_files(
    filled: Callable[..., Result], tmp_path: Path
) -> None:
    statement = "select source, count(*) as n from pool group by source order by source"
    rows = [{"source": f"s{number}", "n": 10} for number in range(3)]
    assert json.loads(filled("sql", "-", "--format", "json", input=statement).stdout) == rows
    assert filled("sql", statement, "--format", "csv").stdout.splitlines()[1] == '"s0",10'
    for name, form in (("out.parquet", "parquet"), ("out.csv", "csv"), ("out.json", "json")):
        result = filled("sql", statement, "--format", form, "--output", tmp_path / name)
        assert result.exit_code == 0, result.stderr
        assert (tmp_path / name).stat().st_size > 0


def test_a_users_statement_chooses_in_its_own_order(
    filled: Callable[..., Result], tmp_path: Path
) -> None:
    path = tmp_path / "rule.sql"
    path.write_text(
        "select sample_id, characters as score from pool where source = $source "
        "order by messages[1].content desc"
    )
    result = filled("select", "mine", "--sql", path, "--param", "source=s1", "--size", 2, "--json")
    assert result.exit_code == 0, result.stderr
    shown = json.loads(filled("show", "mine", "--json").stdout)["first_members"]
    assert [row["messages"][0]["content"] for row in shown] == ["What is 7 + 1?", "What is 4 + 1?"]
    missing = filled("select", "mine", "--sql", path)
    assert missing.exit_code == 1
    assert "--param source=VALUE" in missing.stderr


def test_a_recipe_moves_a_selection(filled: Callable[..., Result], tmp_path: Path) -> None:
    filled("select", "a", "--method", "random", "--size", 4, "--seed", 3, "--where", "turns = 2")
    recipe = tmp_path / "a.yaml"
    recipe.write_text(filled("show", "a", "--recipe").stdout)
    first = json.loads(filled("show", "a", "--json").stdout)
    made = json.loads(filled("select", "b", "--recipe", recipe, "--json").stdout)
    assert made["digest"] == first["digest"]


def test_underscores_in_options_are_accepted(filled: Callable[..., Result]) -> None:
    result = filled("select", "a", "--method", "random", "--size", 99, "--allow_fewer")
    assert result.exit_code == 0
    assert "30 samples" in result.stdout


def test_help_answers_without_importing_anything_heavy() -> None:
    code = (
        "import sys\nfrom catalog.cli import cli\n"
        "try:\n    cli.main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'lancedb', 'duckdb', 'pyarrow', 'sqlalchemy', 'numpy'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PROJECT, capture_output=True)


def test_status_and_sql_import_neither_torch_nor_lance(
    filled: Callable[..., Result], home: Path
) -> None:
    for words in (["status"], ["snapshots"], ["jobs"], ["sql", "select 1"]):
        code = (
            "import sys\nfrom catalog.cli import cli\n"
            f"cli.main(['--home', {str(home)!r}, *{words!r}], standalone_mode=False)\n"
            "assert not {'torch', 'lancedb', 'lance', 'transformers'} & set(sys.modules)"
        )
        subprocess.run([sys.executable, "-c", code], check=True, cwd=PROJECT, capture_output=True)


def test_progress_is_plain_lines_on_standard_error_where_it_is_piped() -> None:
    from catalog.cli.progress import progress_bar
    from catalog.progress import Tick

    runner = CliRunner()
    with runner.isolation() as (_, stderr, _):
        with progress_bar() as progress:
            progress(Tick("embed", 0.0, {"samples": 0}))
            progress(Tick("embed", 0.5, {"samples": 10}))
        assert "\r" not in stderr.getvalue().decode()  # type: ignore[union-attr]


def test_a_closed_pipe_is_no_error(home: Path, filled: Callable[..., Result]) -> None:
    command = (
        f"{sys.executable} -m catalog.cli --home {home} sql 'from pool' --format csv | head -1"
    )
    done = subprocess.run(
        ["bash", "-c", command], cwd=PROJECT, capture_output=True, text=True, env=os.environ
    )
    assert done.stdout.startswith('"sample_id"')
    assert done.stderr == ""


def test_a_statement_that_runs_too_long_can_be_interrupted(
    run: Callable[..., Result], home: Path
) -> None:
    run("init")
    statement = "select count(*) from range(20000000000) as a where a.range % 7 = 3"
    with process("sql", statement, home=home) as child:
        time.sleep(2)
        assert child.poll() is None
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=30)
    assert child.returncode == 130


def test_columns_of_one_name_are_told_apart_and_json_is_strict(
    filled: Callable[..., Result],
) -> None:
    printed = filled("sql", "select 1 as a, 2 as a, 'nan'::double as b", "--json").stdout

    def refuse(text: str) -> None:
        raise AssertionError(text)

    assert json.loads(printed, parse_constant=refuse) == {"rows": [{"a": 1, "a_1": 2, "b": None}]}


def test_an_earlier_version_of_the_same_recipe_is_found(filled: Callable[..., Result]) -> None:
    made = [
        json.loads(filled("select", "v", "--method", "random", "--size", size, "--json").stdout)
        for size in (3, 4, 3, 4)
    ]
    assert [row["snapshot"] for row in made] == ["v@1", "v@2", "v@1", "v@2"]


def test_a_recipe_is_one_json_object_if_asked_for(filled: Callable[..., Result]) -> None:
    filled("select", "v", "--method", "random", "--size", 3)
    shown = json.loads(filled("show", "v", "--recipe", "--json").stdout)
    assert shown == {"snapshot": "v@1", "recipe": shown["recipe"]}
    assert shown["recipe"]["size"] == 3


def test_the_outputs_name_says_parquet(filled: Callable[..., Result], tmp_path: Path) -> None:
    filled("select", "v", "--method", "random", "--size", 3)
    assert filled("export", "v", "--output", tmp_path / "v.parquet").exit_code == 0
    assert (tmp_path / "v.parquet").read_bytes()[:4] == b"PAR1"


@pytest.mark.parametrize(
    "row",
    [
        {"instruction": "x"},
        {"instruction": "x", "output": ""},
        {"prompt": "x"},
        {"prompt": "x", "completion": ""},
    ],
)
def test_a_query_may_lack_its_answer_in_every_format(
    run: Callable[..., Result], write_jsonl: Callable[..., Path], row: dict[str, str]
) -> None:
    run("init")
    result = run("tasks", "add", "t", write_jsonl("t.jsonl", [row]))
    assert result.exit_code == 0, result.stderr
    [query] = json.loads(run("sql", "select messages from query", "--json").stdout)["rows"]
    assert [(m["role"], m["content"]) for m in query["messages"]] == [("user", "x")]
