"""Damaged files: thousands of them, made from a few good ones, each read by a session that has to live on."""
