"""Step five: writes the report."""

from kfp import dsl

from components.images import HPTUNE_IMAGE


@dsl.component(base_image=HPTUNE_IMAGE, install_kfp_package=False)
def report(
    study: dsl.Input[dsl.Artifact], final_metrics: dsl.Input[dsl.Metrics], page: dsl.Output[dsl.HTML]
) -> None:
    """Writes one HTML page with the trials, what was found, and plots.

    Args:
        study: The tuning job's trials, as the tune step wrote them.
        final_metrics: What the training with the best parameters measured.
        page: The page; it needs no network.
    """
    from pathlib import Path

    from hptune.steps import process, report

    with process.step("report"):
        report.report_from_status(Path(study.path), Path(page.path), final_metrics.metadata)
