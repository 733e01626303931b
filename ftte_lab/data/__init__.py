"""Data sets, and which client holds which samples.

`load` returns a `Dataset` with a training, a test and a public part; `split` divides it over
clients.
"""

from ftte_lab.data.catalogue import SOURCES, Source, fetch, load
from ftte_lab.data.motion import motion_tests
from ftte_lab.data.newcomers import Newcomers, new_mixes, new_people
from ftte_lab.data.own_data import OWN_DATA, OwnData, own_content, own_data
from ftte_lab.data.own_table import LARGEST_OWN_BYTES
from ftte_lab.data.partition import PARTITIONS, assign_class_to_slowest, divide_by_label, split
from ftte_lab.data.store import cache_path, data_home, data_path
from ftte_lab.data.types import Dataset, Shards

__all__ = [
    "LARGEST_OWN_BYTES",
    "OWN_DATA",
    "PARTITIONS",
    "SOURCES",
    "Dataset",
    "Newcomers",
    "OwnData",
    "Shards",
    "Source",
    "assign_class_to_slowest",
    "cache_path",
    "data_home",
    "data_path",
    "divide_by_label",
    "fetch",
    "load",
    "motion_tests",
    "new_mixes",
    "new_people",
    "own_content",
    "own_data",
    "split",
]
