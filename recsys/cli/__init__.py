"""The cli room: see ARCHITECTURE.md."""
