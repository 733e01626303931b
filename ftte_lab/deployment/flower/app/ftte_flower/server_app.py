"""Lend the grid to the kit's server, which runs in a process of its own, until it hangs up."""

import json
from multiprocessing.connection import Client, Connection
from typing import Any

from flwr.app import Context, Message
from flwr.serverapp import Grid, ServerApp

from ftte_flower.content import MOST_BYTES, blob_of, content_of, counted

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Answer one question after the other."""
    with Client(str(context.run_config["door"]), "AF_UNIX") as kit:
        while True:
            try:
                question = json.loads(kit.recv_bytes(MOST_BYTES))
                _answer(grid, kit, question)
            except (EOFError, OSError):  # the kit's server has ended
                return


def _answer(grid: Grid, kit: Connection, question: dict[str, Any]) -> None:
    if question["ask"] == "nodes":
        _say(kit, list(grid.get_node_ids()))
    elif question["ask"] == "push":
        content = content_of(kit.recv_bytes(MOST_BYTES))
        node, ttl = question["node"], question["ttl_s"]
        message = Message(content, dst_node_id=node, message_type="train", ttl=ttl)
        [name] = grid.push_messages([message])
        _say(kit, [name, counted(content)])
    else:
        replies = list(grid.pull_messages(question["names"]))
        _say(kit, [_described(reply) for reply in replies])
        for reply in replies:
            kit.send_bytes(b"" if reply.has_error() else blob_of(reply.content))


def _described(reply: Message) -> dict[str, Any]:
    failed = reply.has_error()
    return {
        "to": reply.metadata.reply_to_message_id,
        "created_s": reply.metadata.created_at,
        "problem": f"{reply.error.code}: {reply.error.reason}" if failed else "",
        "counted": 0 if failed else counted(reply.content),
    }


def _say(kit: Connection, answer: Any) -> None:
    kit.send_bytes(json.dumps(answer).encode())
