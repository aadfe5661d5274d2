"""Two rankers in one list: drawing the lists, crediting clicks, power."""
