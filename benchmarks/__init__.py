"""Measure speed and memory of the kit, as ratios within one run; no test asserts a time."""
