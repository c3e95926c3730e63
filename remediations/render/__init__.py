"""How values become text that people read. The rooms above decide what is said; this says it."""
