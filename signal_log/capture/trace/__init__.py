"""Where work begins and what caused what: requests, commands, tasks and messages, with who and from where."""
