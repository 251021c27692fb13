"""An app of relations between models: two through one model, and a tagging library's."""
