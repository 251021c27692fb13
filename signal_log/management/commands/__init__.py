"""The app's commands, one module for each."""
