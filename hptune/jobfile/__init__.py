"""How a tuning job is written down: the document, its fields, and what they must satisfy."""
