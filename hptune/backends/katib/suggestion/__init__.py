"""Our bandit as a Katib algorithm: the gRPC service that Katib asks for each trial's parameters."""
