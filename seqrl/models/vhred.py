"""HRED with a latent variable for each utterance: one context has many fitting answers, and z says which.

    p(z | c_u)          = N(m_p, s_p),   [m_p, log s_p] = f_p(c_u)                   the prior, diagonal
    q(z | c_u, v_{u+1}) = N(m_q, s_q),   [m_q, log s_q] = f_q([c_u, v_{u+1}])        the posterior, of the answer too
    d_0 = tanh([c_u, z] W_0 + b_0),   d_t = decoder([E[w_{t-1}], c_u, z], d_{t-1})
    log p(w | c_u) >= E_q[log p(w | c_u, z)] - KL(q || p)                           the bound that is maximised

c and v are those of `hred`; f_p and f_q have two hidden layers of tanh. Training draws z from the posterior by
reparameterisation, answers are given with one from the prior. Serban et al. 2017 (A hierarchical latent variable
encoder-decoder model for generating dialogues), with log variances where they have a softplus.

Without care the posterior collapses into the prior and z says nothing. Against it: a weight on the KL that rises to 1
and word dropout (Bowman et al. 2016), and free bits (`kl_loss`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from seqrl.activations import Tanh
from seqrl.errors import check_sizes
from seqrl.layer import Chain
from seqrl.layers.dense import Dense
from seqrl.layers.gaussian import GaussianKL, GaussianSample
from seqrl.losses import softmax_cross_entropy
from seqrl.models.hred import HRED, DialogueBatch, Encoded, HREDConfig
from seqrl.parameter import Array

ACTIVE = 0.01  # the variance over the data from which on a unit counts as active (Burda et al. 2016)


@dataclass(frozen=True)
class VHREDConfig(HREDConfig):
    """Everything that a VHRED is built from."""

    latent: int = 32  # dimensions of z


class VHRED(HRED):
    """A hierarchical encoder-decoder with a latent variable; the equations stand at the head of this file.

    rng: draws the weights; dropout_rng: what training draws at random, z among it.
    """

    config: VHREDConfig

    def __init__(self, config: VHREDConfig, *, rng: np.random.Generator, dropout_rng: np.random.Generator) -> None:
        check_sizes("VHRED", latent=config.latent)
        super().__init__(config, rng=rng, dropout_rng=dropout_rng)
        C, H, Z = config.context, config.hidden, config.latent

        def gaussian(D: int) -> Chain:
            hidden = Dense(D, C, rng=rng), Tanh(), Dense(C, C, rng=rng), Tanh()
            return Chain(*hidden, Dense(C, 2 * Z, rng=rng))

        self.prior = gaussian(C)
        self.posterior = gaussian(C + H)
        self.sample = GaussianSample(rng=dropout_rng)
        self.kl = GaussianKL()

    @property
    def condition_size(self) -> int:
        return self.config.context + self.config.latent

    # ---- training --------------------------------------------------------------------------------------------

    def forward(  # type: ignore[override]  # the KL is an output of its own
        self, batch: DialogueBatch
    ) -> tuple[tuple[Array, Array], Callable[[Array, Array], None]]:
        """Teacher forcing: (logits (R, V) as HRED gives them, KL (P, Z) of each pair and dimension).

        backward(dlogits, dkl).
        """
        said, answered, pairs = batch.said(), batch.answered(), batch.pairs()
        source, target = (np.searchsorted(said, answered + ahead) for ahead in (0, len(batch.ids)))
        vectors, encode_backward = self._encode(*batch.texts(said))
        contexts, follow_backward = self._follow(vectors[source], answered, batch)
        q, posterior_backward = self.posterior.forward(np.concatenate([contexts, vectors[target]], axis=-1))
        p, prior_backward = self.prior.forward(contexts)
        kl, kl_backward = self.kl.forward(q, p)
        z, sample_backward = self.sample.forward(q)
        logits, decode_backward = self._decode(np.concatenate([contexts, z], axis=-1), pairs)
        C = contexts.shape[-1]

        def backward(dlogits: Array, dkl: Array) -> None:
            dcondition = decode_backward(dlogits)
            dq, dp = kl_backward(dkl)
            dq += sample_backward(dcondition[:, C:])
            dboth = posterior_backward(dq)
            dcontexts = dcondition[:, :C] + dboth[:, :C] + prior_backward(dp)
            dvectors = np.zeros_like(vectors)
            dvectors[source] = follow_backward(dcontexts)
            dvectors[target] += dboth[:, C:]
            encode_backward(dvectors)

        return (logits, kl), backward

    # ---- inference -------------------------------------------------------------------------------------------

    def __call__(self, batch: DialogueBatch) -> tuple[Array, Array]:  # type: ignore[override]
        """(logits, KL) of `forward` without dropout, and with the posterior's mean for z."""
        contexts, q, p = self._gaussians(batch)
        return self.logits(np.concatenate([contexts, self.sample(q)], axis=-1), batch.pairs()), self.kl(q, p)

    def _gaussians(self, batch: DialogueBatch) -> tuple[Array, Array, Array]:
        """(contexts (P, C), posterior (P, 2Z), prior (P, 2Z)) of the pairs, without dropout."""
        said, answered = batch.said(), batch.answered()
        source, target = (np.searchsorted(said, answered + ahead) for ahead in (0, len(batch.ids)))
        vectors = self._read(*batch.texts(said))
        contexts, _ = self._follow(vectors[source], answered, batch)
        return contexts, self.posterior(np.concatenate([contexts, vectors[target]], axis=-1)), self.prior(contexts)

    def bound(self, batch: DialogueBatch, rng: np.random.Generator) -> Bound:
        """The bound on the real tokens, with one draw of z from each posterior."""
        contexts, q, p = self._gaussians(batch)
        pairs = batch.pairs()
        condition = np.concatenate([contexts, _draw(q, rng)], axis=-1)
        _, targets = pairs.real_rows()
        loss, _ = softmax_cross_entropy(self.logits(condition, pairs), targets, count=1, overwrite=True)
        q_mean, (p_mean, p_log_variance) = np.split(q, 2, axis=-1)[0], np.split(p, 2, axis=-1)
        return Bound(loss, len(targets), self.kl(q, p), (q_mean - p_mean) * np.exp(-0.5 * p_log_variance))

    def encode(self, batch: DialogueBatch, rng: np.random.Generator | None = None) -> Encoded:
        """Read dialogues, for the decoder to go on after their last utterances.

        rng: draws z from the prior, by which answers differ; without one, z is the prior's mean.
        """
        contexts = self.contexts(batch)
        p = self.prior(contexts)
        z = self.sample(p) if rng is None else _draw(p, rng)
        return self.encoded(np.concatenate([contexts, z], axis=-1))


def _draw(x: Array, rng: np.random.Generator) -> Array:
    return GaussianSample(rng=rng).forward(x)[0]


class Bound(NamedTuple):
    """What the bound of some pairs is made of; bounds add up by `+`."""

    reconstruction: float  # -log p(w | c, z) with z drawn from the posterior, over all tokens, in nats
    tokens: int
    kl: Array  # (P, Z), KL(q || p) of each pair and dimension
    moved: Array  # (P, Z), how far the posterior's mean is from the prior's, in the prior's standard deviations

    @classmethod
    def of(cls, parts: Sequence[Bound]) -> Bound:
        """Those of several batches as one."""
        sums = sum(part.reconstruction for part in parts), sum(part.tokens for part in parts)
        return cls(*sums, *(np.concatenate([part[k] for part in parts]) for k in (2, 3)))

    @property
    def per_token(self) -> float:
        """The negative bound in nats a token: no less than the negative log-likelihood is in expectation.

        Its exponential is an upper bound of the perplexity, not the perplexity.
        """
        return (self.reconstruction + float(self.kl.sum(dtype=np.float64))) / self.tokens

    @property
    def active_units(self) -> int:
        """Dimensions of z whose posterior mean varies by more than 0.01 over the data (Burda et al. 2016, section 5.1).

        The mean is taken from the prior's and in its standard deviations, which changes nothing for a standard normal
        prior: a prior that depends on the context moves the posterior's mean even where z says nothing of the answer.
        """
        return int((self.moved.var(axis=0) > ACTIVE).sum())


def kl_loss(kl: Array, tokens: float, weight: float = 1.0, free: float = 0.0) -> tuple[float, Array]:
    """weight * P * sum_j max(free, KL_j) / tokens and its gradient: what the KL (P, Z) adds to a mean over tokens.

    KL_j is the mean over the batch of dimension j. Every dimension is a group of its own in the free bits of Kingma et
    al. 2016 (section 4, there lambda): it may spend `free` nats without a cost, and no gradient pushes it below them.
    """
    P, _ = kl.shape
    if not P:
        return 0.0, kl
    means = kl.mean(axis=0, dtype=np.float64)
    value = weight * P * float(np.maximum(means, free).sum()) / tokens
    slope = np.where(means > free, weight / tokens, 0).astype(kl.dtype)
    return value, np.broadcast_to(slope, kl.shape)
