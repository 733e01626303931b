"""`python -m ftte_lab` is the command `ftte-lab`."""

from __future__ import annotations

from ftte_lab.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
