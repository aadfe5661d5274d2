"""The display room: see ARCHITECTURE.md."""
