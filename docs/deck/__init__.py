"""The deck for a class: one Markdown source and the kit's charts become PowerPoint and PDF."""
