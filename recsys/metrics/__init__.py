"""The metrics room: see ARCHITECTURE.md."""
