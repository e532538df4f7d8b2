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
# # What in this image drove this unit?
#
# A deconvolutional network (Zeiler and Fergus 2014) passes a unit's activation back down to the pixels. At each ReLU it keeps what is
# positive in the signal that comes down, where the plain gradient keeps what was positive on the way up and guided backpropagation keeps both.
# The pictures are sharp; but are they about what the network learned? While they stand there the weights are made random, layer by layer
# (Adebayo et al. 2018), and you see what is left of each. The network is EfficientNet-Lite0.

# %%
import xaiwidgets as xw

model = xw.load_model("efficientnet_lite0")
view = xw.DeconvolutionViewer(model, xw.data.photograph_set()[3:11], layer="_blocks.8", units=[20, 47])
view

# %% [markdown]
# **Three things to try**
#
# 1. Press *Run* and watch the curves below the pictures: a curve that stays up belongs to a picture that would look the same in a network that learned nothing.
# 2. Choose another image from the strip, or drop in one of your own.
# 3. Choose a layer near the input: few ReLUs lie before it, and the three pictures become one.
