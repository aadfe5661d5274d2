"""How many units and days an experiment takes, and what it can find."""
