"""Where records go: MLflow, or memory in tests."""
