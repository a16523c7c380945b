"""The README is run, block by block in one folder; its tree and its commands are compared."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from catalog.cli import cli
from ingest.demo import write_demo
from tests.tiny import save_model

PROJECT = Path(__file__).parents[1]
README = (PROJECT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def run(kind: str, text: str, folder: Path) -> str:
    """Run one block as a reader would, and return what it prints."""
    scripts = folder / "bin"
    scripts.mkdir(exist_ok=True)
    command = scripts / "catalog"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m catalog.cli "$@"\n')
    command.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{scripts}:{os.environ['PATH']}",
        "PYTHONPATH": str(PROJECT),
    }
    words = ["bash", "-euc", text] if kind == "bash" else [sys.executable, "-c", text]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
    return done.stdout


def write_model(folder: Path) -> None:
    """Write a tiny model with a chat template, which the blocks train."""
    folder = save_model("llama", folder)
    tokens = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(tokens | {"pad_token": "<pad>"}))
    (folder / "chat_template.jinja").write_text(
        "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}</s>{% endfor %}"
    )


def test_every_block_runs_and_prints_what_is_shown(tmp_path: Path) -> None:
    write_model(tmp_path / "model")
    shutil.copy(write_demo(tmp_path / "demo").pool["arithmetic"], tmp_path / "sums.jsonl")
    printed, compared = "", 0
    for kind, text in BLOCKS:
        if kind == "text":
            assert text.strip() in printed
            compared += 1
        elif kind in ("bash", "python"):
            printed = run(kind, text, tmp_path)
    assert compared == 1


def test_the_tree_names_every_module_and_nothing_else() -> None:
    [tree] = [text for kind, text in BLOCKS if kind == "tree"]
    rooms: dict[str, list[str]] = {}
    for line in tree.splitlines():
        name = line.split()[0]
        if not line.startswith(" "):
            room = rooms.setdefault(name, [])
        elif name.endswith((".py", "/")):
            room.extend(word for word in line.split() if word.endswith((".py", "/")))
    for room in ("catalog/", "ingest/"):
        there = {path.name for path in (PROJECT / room).glob("*.py")} - {"__init__.py"}
        there |= {f"{p.name}/" for p in (PROJECT / room).iterdir() if (p / "__init__.py").exists()}
        assert set(rooms[room]) == there
    kinds = {f"{path.name}/" for path in (PROJECT / "queries").iterdir() if any(path.glob("*.sql"))}
    assert set(rooms["queries/"]) == kinds


def test_the_command_table_names_every_command() -> None:
    named = set(re.findall(r"`catalog (\w+)", README))
    assert set(cli.commands) <= named


def leaves(group: click.Group, path: str = "catalog") -> list[tuple[str, click.Command]]:
    """Every command below a group, with how it is typed."""
    found: list[tuple[str, click.Command]] = []
    for name, command in group.commands.items():
        found.append((f"{path} {name}", command))
        if isinstance(command, click.Group):
            found += leaves(command, f"{path} {name}")
    return found


@pytest.mark.parametrize(("typed", "command"), leaves(cli), ids=lambda value: str(value)[:30])
def test_help_explains_the_command_and_every_option(typed: str, command: click.Command) -> None:
    assert command.help, typed
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            explained = parameter.help or isinstance(parameter.type, click.Choice)
            assert explained, f"{typed} {parameter.opts[0]}"
