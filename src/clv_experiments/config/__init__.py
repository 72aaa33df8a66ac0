"""All reading of composed configuration: settings, and the log, window and models they describe."""
