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
# # What does this layer keep of an image?
#
# Inversion (Mahendran and Vedaldi 2015) draws, from noise, another image to which a layer gives the same answer. Whatever differs between the two is what the layer does not keep:
# near the input next to nothing, then colours and places, in the end nearly everything but what the thing is. The network is EfficientNet-Lite0.

# %%
import xaiwidgets as xw

model = xw.load_model("efficientnet_lite0")
view = xw.Inverter(model, xw.data.photograph_set(), layer="_blocks.2")
view

# %% [markdown]
# **Three things to try**
#
# 1. Press *Run*, then move *Depth*: each layer begins anew, and the difference grows.
# 2. Move *Smoothness* while it runs: without it the pictures are noisy and the features are met better; with too much of it they are blurred.
# 3. Press *Sweep all layers* and go for a coffee: the curve of the errors grows layer by layer.
