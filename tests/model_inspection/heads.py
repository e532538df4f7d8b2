"""Small problems for heads, and the formulas of influence a second time: plain, slow, in double precision."""

from typing import NamedTuple

import numpy as np
import torch


class Plain(NamedTuple):
    """Influence of every training on every test row, by the book."""

    theta: np.ndarray
    hessian: np.ndarray
    effect: np.ndarray
    corrected: np.ndarray
    self_influence: np.ndarray
    left_out_loss: np.ndarray


def rows(count, features=4, classes=3, seed=0):
    """Overlapping classes, a column of ones last."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % classes
    centres = torch.randn(classes, features, generator=generator)
    x = centres[labels] + 0.8 * torch.randn(count, features, generator=generator)
    return torch.cat([x, torch.ones(count, 1)], 1).double(), labels


def digits():
    """scikit-learn's digits: pixels over 16 and a column of ones; 1,400 rows to train on, six from row 1,500."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    x, y = torch.cat([torch.tensor(x / 16), torch.ones(len(x), 1)], 1), torch.tensor(y)
    return (x[:1400], y[:1400]), (x[1500:1506], y[1500:1506])


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def loss(theta, x, y):
    return -np.log(softmax(x @ theta.T)[..., y])


def gradient(theta, x, y):
    p = softmax(theta @ x)
    p[y] -= 1
    return np.outer(p, x).ravel()


def hessian(theta, X, damping):
    size = theta.size
    H = damping * np.eye(size)
    for x in X:
        p = softmax(theta @ x)
        H += np.kron(np.diag(p) - np.outer(p, p), np.outer(x, x)) / len(X)
    return H


def optimum(X, Y, classes, damping, weights=None):
    """Newton's method with the whole Hessian, from zero."""
    weights = np.ones(len(X)) if weights is None else weights
    theta = np.zeros((classes, X.shape[1]))
    for _ in range(30):
        g = sum(w * gradient(theta, x, y) for w, x, y in zip(weights, X, Y, strict=True)) / len(X)
        g = g + damping * theta.ravel()
        H = damping * np.eye(theta.size)
        for w, x in zip(weights, X, strict=True):
            p = softmax(theta @ x)
            H += w * np.kron(np.diag(p) - np.outer(p, p), np.outer(x, x)) / len(X)
        theta = theta - np.linalg.solve(H, g).reshape(theta.shape)
    return theta


def plain(train, test, classes, damping):
    """Koh and Liang's formula, and the loss at the parameters one Newton step away from the optimum without a row."""
    X, Y = (part.numpy() for part in train)
    Xt, Yt = (part.numpy() for part in test)
    theta = optimum(X, Y, classes, damping)
    H, N = hessian(theta, X, damping), len(X)
    effect, corrected = np.zeros((len(Xt), N)), np.zeros((len(Xt), N))
    own, left = np.zeros(N), np.zeros(N)
    for i in range(N):
        g = gradient(theta, X[i], Y[i])
        p = softmax(theta @ X[i])
        without = H - np.kron(np.diag(p) - np.outer(p, p), np.outer(X[i], X[i])) / N
        moved = theta + np.linalg.solve(without, g / N).reshape(theta.shape)
        own[i], left[i] = g @ np.linalg.solve(H, g) / N, loss(moved, X[i], Y[i])
        for t in range(len(Xt)):
            effect[t, i] = gradient(theta, Xt[t], Yt[t]) @ np.linalg.solve(H, g) / N
            corrected[t, i] = loss(moved, Xt[t], Yt[t]) - loss(theta, Xt[t], Yt[t])
    return Plain(theta, H, effect, corrected, own, left)
