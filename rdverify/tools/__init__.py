"""What every layer may use: errors, files, progress, paths, plotting."""
