"""Flower as a carrier: its programs move the messages, the kit's loops do the rest."""
