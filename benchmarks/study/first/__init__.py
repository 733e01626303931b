"""The first edition of the study: its results stay quoted until the second has run."""
