"""Data sets, and which client holds which samples.

`load` gives a `Dataset` with a training, a test and a public part; `split` divides it over clients.
"""

from ftte_lab.data.catalogue import SOURCES, Source, fetch, load
from ftte_lab.data.partition import WAYS, hand_to, split
from ftte_lab.data.store import data_home, path_of
from ftte_lab.data.types import Dataset, Shards

__all__ = [
    "SOURCES",
    "WAYS",
    "Dataset",
    "Shards",
    "Source",
    "data_home",
    "fetch",
    "hand_to",
    "load",
    "path_of",
    "split",
]
