"""Every test process computes as the kit does: one thread."""

from ftte_lab._common import configure_process

configure_process()
