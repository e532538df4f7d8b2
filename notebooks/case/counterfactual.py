# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: -all
#     formats: ipynb,py:percent
#     notebook_metadata_filter: kernelspec,jupytext
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What would have given another answer?
#
# A counterfactual is the nearest x′ that the model answers with another class (Wachter, Mittelstadt and Russell 2017): it minimises λ (f(x′) − y′)² + Σ |x_k − x′_k| / MAD_k, and λ grows until the answer flips. Dividing by each feature's median absolute deviation makes a change dear where examples hardly differ, and the absolute value leaves most features as they are.
#
# For a table that is an explanation that can be acted upon. For images, mind the plausibility beside it: few pixels that flip a network may be an adversarial perturbation.

# %%
import torch

import xaiwidgets as xw

model = xw.load_model("lenet")
view = xw.CounterfactualExplorer(model)
view

# %% [markdown]
# **Three things to try**
#
# 1. Press *Run* and watch λ climb until the target's probability jumps, and then settle between two values. How many pixels changed, and would you have seen it?
# 2. Set *Moves* to *components*: the change is made of the training images' principal components. It costs more and looks more like clothes. Is it more plausible in the evidence, too?
# 3. Choose a wanted class that looks nothing like the image, or let only the *middle* change. Nothing found is an answer as well: it says what was tried.
#
# The second tab swaps regions with another image instead.
#
# **Where it fails.** The change is the smallest one for this network: it need not be possible, nor cause anything. At the border between two classes nothing is typical of either, so that every nearest counterfactual is a doubtful member of its new class; `margin` goes farther. And another start may change other features: none of them is *the* reason.

# %% [markdown]
# In a table, with two features that must stay as they are:

# %%
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression

from xaiwidgets.core import last
from xaiwidgets.methods import Counterfactual

wine = load_wine()
rows, labels = torch.tensor(wine.data), torch.tensor(wine.target)
fitted = LogisticRegression(max_iter=20_000).fit(wine.data, wine.target)
weights, bias = torch.tensor(fitted.coef_), torch.tensor(fitted.intercept_)

found = last(Counterfactual(frozen=(0, 12))(lambda x: x @ weights.T + bias, (rows, labels), rows[0]))
print(f"{wine.target_names[found.prediction]} would be {wine.target_names[found.target]} with")
for feature in (found.counterfactual != rows[0]).nonzero().flatten().tolist():
    print(f"  {wine.feature_names[feature]} {found.counterfactual[feature]:.2f} instead of {rows[0, feature]:.2f}")
print(f"{float(found.distance[found.best]):.1f} median absolute deviations away; {found.tried}")
