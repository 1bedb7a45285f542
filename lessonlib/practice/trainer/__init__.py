"""The trainer, a process of its own: checks files, trains job after job, hands over the results."""
