"""Many runs over a grid or a space-filling design, on this machine's cores or on a cluster."""
