"""The words of the two protocols: requests checked; objects, events and refusals shown."""
