"""The hot loops compiled with Numba; `seqrl.kernels.reference` says what each computes."""
