"""What is asked for: the job file, and the request around it."""
