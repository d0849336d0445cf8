"""Translators: settings, data, the task for the training loop, runs, and trained models in use."""
