# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A sharper gradient, and what it is worth
#
# Guided backpropagation (Springenberg et al. 2015) passes back only what raised a unit and was raised itself. Its pictures look like drawings of what the unit saw.
# Nie et al. (2018) showed that they are close to recovering the image, whatever the network learned: so the check stands beside the picture.
# The network is a LeNet that was trained on a few thousand pieces of clothing; it lies in the package.

# %%
import xaiwidgets as xw

model = xw.load_model("lenet")
view = xw.GuidedBackpropViewer(model, xw.data.fashion_mnist_small(), layer="fc3", units=[5, 7, 9])
view

# %% [markdown]
# **Three things to try**
#
# 1. Press *Run*: what speaks for *Sandal*, *Sneaker* and *Ankle boot* in this picture?
# 2. Choose the layer `relu2`: which strokes drive a single channel?
# 3. Compare the curves: after how many layers of random weights is nothing left of each picture?
