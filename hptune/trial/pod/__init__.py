"""What a trial needs in a pod of its own."""
