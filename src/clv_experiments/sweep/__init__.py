"""Search for a model's settings: a study of trials on validation periods, and what its winner is worth."""

import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)
