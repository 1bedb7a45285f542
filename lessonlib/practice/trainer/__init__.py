"""The trainer's process: checks files, trains one job after the other, hands over the result."""
