"""A trace as operations and the receivers that ran for them: findings, comparison, and text for people and programs."""
