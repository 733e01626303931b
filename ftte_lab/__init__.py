"""ftte_lab: federated tiny training on a simulated fleet."""
