"""Every test process computes as the kit does: one thread."""

from ftte_lab._runtime import settle

settle()
