"""Files, wherever they are: on disk, in a bucket, in a job directory."""
