"""Signing in and out, under `/sign-in`."""
