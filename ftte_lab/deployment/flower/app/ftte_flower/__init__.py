"""Carry the messages of ftte_lab through Flower."""
