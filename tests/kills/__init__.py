"""Kill long work at random moments, and take its disk away: nothing is lost, nothing half-written.

python -m tests.kills                      all three, 50 moments of each fault
python -m tests.kills sweep --moments 10   one of sweep, study, download
"""
