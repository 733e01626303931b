"""`python -m benchmarks.study`: run the headline study and write its pages."""

from benchmarks.study.study import main

if __name__ == "__main__":
    main()
