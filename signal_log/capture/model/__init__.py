"""What is known of a model and of one row: which fields are secret, what an instance believes, what the row holds."""
