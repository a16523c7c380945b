"""The format of open-instruct's `--dataset_mixer_list`: JSON lines with `messages`.

It hands the messages, and no tools, to a chat template; its own templates know three roles.
"""

from pathlib import Path

from catalog.exporting.conversation import note_unread
from catalog.exporting.tally import Row, Unfit
from catalog.exporting.writing import Writing, write_lines

TRAINER = "open-instruct"
ROLES = ("system", "user", "assistant")


def write_open_instruct(writing: Writing, aside: Path) -> None:
    """Write JSON lines of one form, whatever fields the samples have."""
    write_lines(writing.converted(convert), aside)


def convert(row: Row, notes: set[str]) -> Row:
    """Return a row as open-instruct takes it: messages of a role and a text, and nothing else."""
    note_unread(row, {"role", "content", "tool_calls", "function_call"}, TRAINER, notes)
    if "tools" in row:
        raise Unfit("tools, which are not handed to the chat template")
    return {
        "id": row["id"],
        "dataset": row["dataset"],
        "content_hash": row["catalog"]["content_hash"],
        "messages": [_message(message) for message in row["messages"]],
    }


def _message(message: Row) -> Row:
    if message["role"] not in ROLES:
        raise Unfit(f"the role {message['role']}")
    if message.get("tool_calls") or message.get("function_call"):
        raise Unfit("tool calls")
    if message["content"] is None:
        raise Unfit(f"a {message['role']} message without a text")
    return {"role": message["role"], "content": message["content"]}
