"""The hot loops in NumPy, written to be read; `seqrl.kernels.compiled` holds the same functions."""
