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
# # What does this layer find characteristic?
#
# A caricature (Olah et al. 2018) draws an image anew with more of whatever a layer found in it. Where inversion asks for the same answer, this asks for a stronger one of the same kind:
# textures swell, parts repeat, and what the layer does not care about is gone. The network is EfficientNet-Lite0.

# %%
import xaiwidgets as xw

model = xw.load_model("efficientnet_lite0")
view = xw.CaricatureViewer(model, xw.data.photograph_set()[3:], layer="_blocks.8")
view

# %% [markdown]
# **Three things to try**
#
# 1. Press *Run* on the cat: what becomes of its fur?
# 2. Set *Start* to *image*: the picture itself is bent towards its caricature.
# 3. Raise the *Cosine power* while it runs: the drawing keeps closer to the mixture of units that the image had.
