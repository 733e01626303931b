"""Hand what comes to the trainer of the node, and send its answer back.

The process of a ClientApp lives for one message. So model and data are with the trainer: a process
that lives as long as the node, behind a socket file that its own user alone can open.
"""

from multiprocessing.connection import Client

from flwr.app import Context, Message
from flwr.clientapp import ClientApp

from ftte_flower.content import MOST_BYTES, blob_of, content_of

app = ClientApp()


@app.train()
def train(message: Message, context: Context) -> Message:
    """Answer a message of any kind."""
    with Client(str(context.node_config["door"]), "AF_UNIX") as trainer:
        trainer.send_bytes(blob_of(message.content))
        answer = trainer.recv_bytes(MOST_BYTES)
    return Message(content_of(answer), reply_to=message)
