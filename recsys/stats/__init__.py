"""The stats room: see ARCHITECTURE.md."""
