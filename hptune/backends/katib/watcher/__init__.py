"""Ends a job with the pod that watches it, however that pod ends.

A run that is stopped, or a node that is taken away, ends a pipeline's step before the step can ask for
anything. So a Job of the cluster, the watcher, looks at the step's pod from outside, and cancels the job
where the pod has ended and the job has not.
"""
