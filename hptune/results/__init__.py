"""What came out of a job: its study, and the forms in which it is told."""
