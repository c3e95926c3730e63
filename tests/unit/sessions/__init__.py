"""Tests of what resets sessions, against a service in a process of its own."""
