"""Malformed input: whatever is damaged, foreign or hostile is answered in one sentence."""
