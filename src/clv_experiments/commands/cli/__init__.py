"""How commands meet a terminal: output, errors in one sentence, exit status, worker processes."""
