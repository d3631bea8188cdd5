"""Step five: writes the report."""

from kfp import dsl

from components.images import HPTUNE_IMAGE


@dsl.component(base_image=HPTUNE_IMAGE, install_kfp_package=False)
def report(
    study: dsl.Input[dsl.Artifact],
    final_metrics: dsl.Input[dsl.Metrics],
    page: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
    seed: int = 0,
    run: str = "",
) -> None:
    """Writes what was found: in short, and as one HTML page with plots.

    Args:
        study: The tuning job's trials, as the tune step wrote them.
        final_metrics: What the training with the best parameters measured.
        page: The page; it needs no network.
        summary: The best parameters, how much better they are, and the best 50 trials.
        seed: Seed of the suggestions, for the report to name.
        run: The pipeline's run, for the report to name; empty for none.
    """
    from pathlib import Path

    from hptune.steps import process, report

    with process.step("report"):
        report.report_from_status(
            Path(study.path),
            page=Path(page.path),
            summary=Path(summary.path),
            metadata=final_metrics.metadata,
            seed=seed,
            run=run,
        )
