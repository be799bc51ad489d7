"""The courier: delivers events, requeues lost tasks and erases what is too old."""
