"""A host's app for the tests: models with every kind of field and relation that matters to the recorder."""
