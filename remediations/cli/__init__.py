"""The commands; nothing else. Every command returns a `CommandResult`, printed in one place."""
