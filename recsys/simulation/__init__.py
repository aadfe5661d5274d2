"""The simulation room: see ARCHITECTURE.md."""
