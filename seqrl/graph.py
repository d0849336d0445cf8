"""Backpropagation on a computation graph, as the textbooks draw it: numbers on edges, operations in nodes.

Every node knows its local derivatives and nothing of the rest. Going back through the graph, each multiplies what
comes from above by them and passes the products on; where an edge was used twice, what comes back adds up (the chain
rule).

    apple, apples, tax = Variable(100), Variable(2), Variable(1.1)
    price = apple * apples * tax
    price.backward()
    apple.grad        # 2.2: an apple dearer by 1 makes the bill dearer by 2.2

It is for reading. The layers of this library go back through whole arrays by functions that they return themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable


class Variable:
    """A number in the graph; `grad` is the derivative of what `backward` was called on with respect to it."""

    def __init__(
        self,
        value: float,
        inputs: tuple[Variable, ...] = (),
        local: Callable[[], tuple[float, ...]] = tuple,
    ) -> None:
        self.value = value
        self.grad = 0.0
        self._inputs = inputs
        self._local = local  # the derivatives of this node with respect to its inputs

    def __add__(self, other: Variable) -> Variable:
        """z = x + y: dz/dx = 1, dz/dy = 1."""
        return Variable(self.value + other.value, (self, other), lambda: (1.0, 1.0))

    def __mul__(self, other: Variable) -> Variable:
        """z = x y: dz/dx = y, dz/dy = x, each the other one."""
        return Variable(self.value * other.value, (self, other), lambda: (other.value, self.value))

    def __neg__(self) -> Variable:
        """z = -x: dz/dx = -1."""
        return Variable(-self.value, (self,), lambda: (-1.0,))

    def exp(self) -> Variable:
        """z = exp(x): dz/dx = z."""
        z = math.exp(self.value)
        return Variable(z, (self,), lambda: (z,))

    def log(self) -> Variable:
        """z = log x: dz/dx = 1 / x."""
        return Variable(math.log(self.value), (self,), lambda: (1 / self.value,))

    def reciprocal(self) -> Variable:
        """z = 1 / x: dz/dx = -z^2."""
        z = 1 / self.value
        return Variable(z, (self,), lambda: (-z * z,))

    def backward(self) -> None:
        """Add d self / d v to the `grad` of every variable v that this one was computed from, itself included."""
        order = self._order()
        flowing = {id(node): 0.0 for node in order} | {id(self): 1.0}
        for node in reversed(order):
            node.grad += flowing[id(node)]
            for source, local in zip(node._inputs, node._local(), strict=True):
                flowing[id(source)] += flowing[id(node)] * local

    def _order(self) -> list[Variable]:
        """Every node that this one was computed from, each after its inputs."""
        order: list[Variable] = []
        seen: set[int] = set()
        waiting = [(self, False)]
        while waiting:
            node, inputs_done = waiting.pop()
            if inputs_done:
                order.append(node)
            elif id(node) not in seen:
                seen.add(id(node))
                waiting.append((node, True))
                waiting += [(source, False) for source in node._inputs]
        return order

    def __repr__(self) -> str:
        return f"Variable({self.value:g}, grad={self.grad:g})"


def sigmoid(x: Variable) -> Variable:
    """1 / (1 + exp(-x)), of the nodes above: its derivative comes out as y (1 - y)."""
    return (Variable(1.0) + (-x).exp()).reciprocal()
