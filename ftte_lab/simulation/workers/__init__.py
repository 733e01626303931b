"""Processes that train part of a run."""
