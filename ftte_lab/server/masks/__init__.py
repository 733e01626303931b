"""Secure aggregation: masks that cancel in the sum of a buffer."""
