"""One verb a module: `command` (the function that Typer reads) and `EXAMPLES` (the end of its help)."""
