# Reports where cloudml-hypertune does when nobody has told it where.
import json
import sys

values = dict(token[2:].split("=", 1) for token in sys.argv[1:])
with open("/tmp/hypertune/output.metrics", "a") as file:
    file.write(json.dumps({"score": values["x"], "global_step": "7"}) + "\n")
