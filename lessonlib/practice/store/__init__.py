"""What is kept: tables of files, jobs, models and deployments, and the states they go through."""
