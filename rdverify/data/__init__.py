"""Where the models' data come from: sequences from SciPy, images from torchvision."""
