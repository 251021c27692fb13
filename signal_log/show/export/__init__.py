"""The history as files and answers for programs: CSV, JSON Lines, CloudEvents, OCSF, proofs."""
