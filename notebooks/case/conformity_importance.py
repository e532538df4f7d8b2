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
# # Which part of the image do the training data speak for?
#
# The *conformity* of a prediction is the share of the image's nearest training examples, by the network's own features, that carry the predicted class. Wallace, Feng and Boyd-Graber (2018) explain a prediction by what happens to it when a part is left out: where the neighbours turn to other classes, that part held the prediction up. Here parts are patches of an image, first large, then small.
# Beside the map stands the same for the network's softmax probability, and below both a check: when the places that the map ranks first are removed, conformity and probability must fall faster than when random places are removed.

# %%
import xaiwidgets as xw

model = xw.load_model("lenet")
view = xw.ConformityViewer(model, chosen=4)
view

# %% [markdown]
# **Three things to try**
#
# 1. Press *Run*, then point at places of the map. What do the nearest training images look like without the sleeve, without the collar? Orange places speak against the prediction: without them more neighbours agree.
# 2. Choose another size under *Regions shown*. For an image whose class is plain no small patch changes anything: the map of 2 px is empty, and only large regions tell.
# 3. Change *Fill*. With "mean" the image gets grey squares, which on a black ground look like cloth; with "black" parts are cut away. Does the same place stay the most important?
#
# **Where it fails.** Conformity is a share of k neighbours, so that small effects are rounded to 0. What covers a region is an image of its own: a covered image can be unlike anything that the network has seen, and its neighbours then say little. And a class that is what the network answers where there is nothing loses nothing when something is left out.

# %%
import torch

from xaiwidgets.core import last
from xaiwidgets.methods import ConformityImportance

train, test = (xw.data.fashion_mnist_small(split) for split in ("train", "test"))
print("what covers   random orders stay above the map's order by (conformity, softmax), mean of 3 images")
for fill in ("blur", "mean", "black"):
    method = ConformityImportance(patch=4, fill=fill, batch=64)
    gains = torch.stack([last(method(model, train, test.subset([place]))).gains for place in range(3)]).mean(0)
    print(f"{fill:13} {gains[0]:+.2f}, {gains[1]:+.2f}")

# %% [markdown]
# As data: `importance` is the map, `drops` a number for each region, and `neighbors` the training images that are nearest without it.

# %%
value = last(ConformityImportance(patch=4, batch=64)(model, train, test.subset([4])))
region = value.top()
names = train.class_names
print(f"{names[value.predicted]}: conformity {value.conformity:.2f}, softmax {value.probability:.2f}")
print(f"without rows and columns {value.boxes[region].tolist()}: {float(value.conformities[region]):.2f}")
print("nearest then:", ", ".join(train.label_name(place) for place in value.neighbors[region, 0, :6].tolist()))
for level, size in enumerate(value.sizes):
    print(f"patches of {size:2} px: rank correlation with the drop of softmax {value.correlation(level):.2f}")
