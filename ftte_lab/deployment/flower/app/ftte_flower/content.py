"""Put bytes into the content of a message of Flower, and take them out."""

from flwr.app import Array, ArrayRecord, RecordDict

MOST_BYTES = 1 << 30


def content_of(blob: bytes) -> RecordDict:
    """Return a content whose only array is these bytes."""
    array = Array("uint8", (len(blob),), "ftte_lab", blob)
    return RecordDict({"letters": ArrayRecord({"blob": array})})


def blob_of(content: RecordDict) -> bytes:
    """Return the bytes of a content."""
    return bytes(content["letters"]["blob"].data)


def counted(content: RecordDict) -> int:
    """Return the bytes of a content, as Flower counts them."""
    return sum(record.count_bytes() for record in content.values())
