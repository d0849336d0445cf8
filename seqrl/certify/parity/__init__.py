"""Values and gradients beside PyTorch's, and ONNX's where PyTorch has none: what they computed, and who does here."""
