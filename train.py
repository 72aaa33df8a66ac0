"""Run one experiment: ``python train.py model=xgboost window=3m``; ``python train.py --help`` lists the choices."""

import signal
import sys

import hydra
from hydra.errors import CompactHydraException
from omegaconf import DictConfig


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(cfg: DictConfig) -> float | None:
    """Return the validation objective; heavy imports wait until a run starts, so that --help answers at once."""
    from clv_experiments.errors import ClvError
    from clv_experiments.experiment import run_experiment

    try:
        return run_experiment(cfg).objective
    except ClvError as error:
        raise CompactHydraException(str(error)) from error


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a scheduler's stop ends a run as Ctrl-C does
    try:
        main()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; a run that had begun stays in MLflow, marked FAILED\n")
        sys.exit(130)
