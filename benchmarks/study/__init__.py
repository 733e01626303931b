"""The headline study: methods, levers and fleets, run and written up by one command."""
