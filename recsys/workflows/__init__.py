"""The workflows room: see ARCHITECTURE.md."""
