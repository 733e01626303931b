"""`python -m benchmarks.study.first`: run the first edition of the study again."""

from benchmarks.study.first.study import main

if __name__ == "__main__":
    main()
