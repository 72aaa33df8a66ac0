"""All reading of composed configuration: settings, and the log, window and models they describe."""

from omegaconf import OmegaConf

from clv_experiments.config.log_name import name_log
from clv_experiments.errors import command

# conf/data/file.yaml and sql.yaml call it, so that a log is called the same by whatever reads its config.
OmegaConf.register_new_resolver("log_name", name_log, replace=True)
OmegaConf.register_new_resolver("command", command, replace=True)  # the help texts call it
