"""What people see: pages, exports, the terminal and the toolbar, all in the same words."""
