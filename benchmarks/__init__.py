"""Speed and memory of the kit, as ratios within one run. Timed assertions have no place in the tests."""
