"""The evaluation room: see ARCHITECTURE.md."""
