"""``clv doctor``: say what is wrong with kept runs, and mend it if asked to."""

from __future__ import annotations

from pathlib import Path

from hydra.utils import instantiate
from omegaconf import DictConfig

from clv_experiments.commands.cli.terminal import Terminal
from clv_experiments.config.settings import get_study_folder
from clv_experiments.errors import ClvError, command
from clv_experiments.sweep.storage import DATABASE, resolve_storage_url, summarise_studies
from clv_experiments.tracking.inspection import StoreFault, StoreInspection
from clv_experiments.tracking.mlflow_tracker import MlflowTracker


def examine_or_repair_store(cfg: DictConfig) -> None:
    """Look at a store, its studies and champions; with ``fix=true`` repair what can be repaired.

    Parameters
    ----------
    cfg : DictConfig
        Composed from ``conf/doctor.yaml``.

    Raises
    ------
    ClvError
        If something is wrong and was not mended, or there is no store.
    """
    if not isinstance(cfg.fix, bool):
        raise ClvError(f"fix must be true or false, got '{cfg.fix}'")
    tracker, terminal = instantiate(cfg.tracking), Terminal()
    if not isinstance(tracker, MlflowTracker):
        raise ClvError("tracking=memory keeps nothing that could be looked at; type tracking.folder=<where runs are>")
    inspection = tracker.inspect_store(cfg.killed)
    left = mendable = 0
    for title, faults in _find_store_faults(inspection):
        terminal.print_line(f"{title}: {f'{len(faults)} wrong' if faults else 'well'}")
        for fault in faults:
            terminal.print_line(f"  {fault.text}{f'; fix=true {fault.remedy}' if fault.repair else ''}")
            if fault.repair and cfg.fix:
                fault.repair()
                terminal.print_line("  mended")
            else:
                left, mendable = left + 1, mendable + (fault.repair is not None)
    try:
        studies = _describe_studies(cfg)
    except ClvError as error:
        studies, left = ["studies: 1 wrong", f"  {error}"], left + 1
    for line in studies:
        terminal.print_line(line)
    if left:
        advice = f"; {command('doctor')} fix=true mends {mendable}" * bool(mendable)
        raise ClvError(f"{left} {'thing is' if left == 1 else 'things are'} wrong with {tracker.store.name}{advice}")


def _find_store_faults(inspection: StoreInspection) -> list[tuple[str, list[StoreFault]]]:
    damage = [*inspection.check_database()]
    if damage:  # nothing else could be read with any sense
        return [("database", damage)]
    return [
        ("database", []),
        ("runs", [*inspection.unfinished_runs()]),
        ("files of runs", [*inspection.find_runs_with_lost_files()]),
        ("files without a run", [*inspection.find_orphaned_folders()]),
        ("champions", [*inspection.find_broken_champions()]),
    ]


def _describe_studies(cfg: DictConfig) -> list[str]:
    """Describe the studies, where there are any: trials whose process is gone are tried again by the next sweep."""
    folder = get_study_folder(cfg)
    url = resolve_storage_url(cfg.storage, folder)
    if url is None or (cfg.storage is None and not Path(str(folder), DATABASE).exists()):
        return ["studies: none"]
    return summarise_studies(url) or ["studies: none"]
