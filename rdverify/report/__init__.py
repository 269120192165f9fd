"""From results.json to its pages: words stand in templates, and no number is typed into them."""
