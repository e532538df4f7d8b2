# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: -all
#     notebook_metadata_filter: kernelspec,jupytext
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
# ---

# %%
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

# %% [markdown]
# # How few images cover the others?
#
# Around an image lies a ball in the network's features. It covers the images of its class that lie in it, and it is wrong about those of other classes. Bien and Tibshirani (2011) choose few prototypes whose balls cover much and are seldom wrong. What stays outside is as telling as what is covered: images that are like no other of their class, or too near to another class to be covered at all.
#
# The size of the balls is said as a share of pairs: at 5 % a ball holds a twentieth of all images on average. Beside it stands the same with random images of the same classes.

# %%
import xaiwidgets as xw

model = xw.load_model("lenet")
view = xw.CoverExplorer(model)
view

# %% [markdown]
# **Three things to try**
#
# 1. Press *Run* and read the table: which class is covered least? Click its uncovered image. Which prototype is the nearest, and of which class?
# 2. Move *Ball size ε*. Small balls cover little, large ones reach into other classes. Where is the difference to random images largest?
# 3. Set *Weight of wrong* to 0: then only what is covered counts, and greedy choice covers at least 63 % of what the best prototypes of the same number do. What does that cost?
#
# **Where it fails.** One radius serves all classes: for shirts, whose neighbours are coats and pullovers, it is too large, for bags, which differ among themselves, too small. And covered means near in this layer's features; another layer gives another cover.

# %%
from xaiwidgets.core import last
from xaiwidgets.methods import SetCover

train = xw.data.fashion_mnist_small("train")
for epsilon in (1, 2, 5, 10, 20):
    found = last(SetCover(epsilon=epsilon)(model, train))
    print(f"ε = {epsilon:2} % of pairs, {len(found.prototypes):2} balls of radius {found.radius:5.2f}:", end=" ")
    print(f"{found.covered[-1]:.0%} covered ({found.random_covered[:, -1].mean():.0%} by random images),", end=" ")
    print(f"{found.wrong[-1]:.0%} in a ball of another class ({found.random_wrong[:, -1].mean():.0%})")
