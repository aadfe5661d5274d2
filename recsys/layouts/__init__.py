"""The layouts room: see ARCHITECTURE.md."""
