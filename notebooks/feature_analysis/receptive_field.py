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
# # How much of the image does a unit really see?
#
# The theoretical receptive field is all that could reach a unit; often it is the whole image. The empirical one (Zhou et al. 2015) is what matters to it: a small patch
# is put over every place of the images that the unit likes best, and the change of its activation is drawn where the patch was. It is usually far smaller.
# The map begins coarse, within a second, and grows finer. The network is EfficientNet-Lite0.

# %%
import xaiwidgets as xw

model = xw.load_model("efficientnet_lite0")
view = xw.ReceptiveFieldViewer(model, xw.data.photograph_set(), layer="_blocks.4", units=[3, 7, 30])
view

# %% [markdown]
# **Three things to try**
#
# 1. Press *Run* and compare the bright region with the frame of the theoretical field.
# 2. Choose a deeper layer: the frame soon covers the image, the bright region does not.
# 3. Make the occluder smaller: what becomes sharper, and what becomes noise?
