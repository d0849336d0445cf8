"""The correctness certificate: what stands in the library, checked against mathematics and others' numbers.

`python -m seqrl.certify` checks all of it; `python -m seqrl.certify my_module:MyLayer` checks a layer of your own.
"""
