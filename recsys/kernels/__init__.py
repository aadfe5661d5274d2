"""The kernels room: see ARCHITECTURE.md."""
