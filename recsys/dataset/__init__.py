"""The dataset room: see ARCHITECTURE.md."""
