"""Values and gradients beside PyTorch's: what it computed (references.safetensors) and who computes it here."""
