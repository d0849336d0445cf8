"""Dialogue models: settings, data, the tasks for the training loop, runs, and trained models that answer."""
