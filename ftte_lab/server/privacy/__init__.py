"""Differential privacy of devices: clip, noise, and what each participation costs."""
