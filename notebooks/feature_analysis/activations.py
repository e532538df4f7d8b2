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
# # What fires now?
#
# Every channel of a layer as a small map of the image (Yosinski et al. 2015). Choose an image or drop one in, walk through the layers, and click a channel:
# where it is active, what drove it (deconvnet), the image it responds to most, and the images of the set that it likes best, cut to what it sees.
# The network is EfficientNet-Lite0.

# %%
import xaiwidgets as xw

model = xw.load_model("efficientnet_lite0")
view = xw.ActivationBrowser(model, xw.data.photograph_set(), layer="_blocks.1")
view

# %% [markdown]
# **Three things to try**
#
# 1. Press *Run*, then click a bright tile: does it fire at an edge, a texture, a thing?
# 2. Choose another image: the tiles follow at once, and the card of the chosen channel with them.
# 3. Choose `_blocks.14`: the maps are coarse now. What do the top images of one channel have in common?
