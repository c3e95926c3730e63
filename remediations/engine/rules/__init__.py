"""What every id and every word on a screen means: the pages of docs/rules/, read by a program."""
