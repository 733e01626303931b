"""Who starts, arrives and is buffered when: the virtual clock."""
