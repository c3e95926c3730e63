"""The commands; nothing else. Every command answers with an `Answer`, printed in one place."""
