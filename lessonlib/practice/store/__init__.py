"""What the service keeps: files, jobs, models and deployments, and the states they go through."""
