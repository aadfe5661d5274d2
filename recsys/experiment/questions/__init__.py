"""Further questions that an analysis answers from its table of units."""
