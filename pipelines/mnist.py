"""The example's pipeline: what the form of the pipeline for any trainer begins with.

python -m pipelines.mnist compile|run|upload|submit
"""

from pathlib import Path

from hptune.job.tuning_job import load_job
from pipelines.tuning import Preset, on_one_line

_TRAINER = Path(__file__).parents[1] / "examples" / "mnist" / "trainer"

MNIST = Preset(
    name="mnist-hptune",
    defaults={
        "data": "mnist",
        "job_file": on_one_line(load_job(_TRAINER / "hptune.yaml")),
        "job_name": "mnist",
        "trainer_module": "trainer.mnist_mlp_lr_numsteps",
    },
    package_path=_TRAINER,
)


if __name__ == "__main__":
    from pipelines.__main__ import main

    main(MNIST, "python -m pipelines.mnist")
