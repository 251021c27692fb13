"""What the app's commands share."""
