"""The log's pages, one module for each."""
