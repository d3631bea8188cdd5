"""A job as one HTML page that needs no network: what was found, how, and every trial."""
