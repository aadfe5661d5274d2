"""The table of units: what it is asked for, who answers, how rows are added up, whose windows have ended."""
