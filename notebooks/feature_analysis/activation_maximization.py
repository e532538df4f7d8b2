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
# # What does this unit look for?
#
# Activation maximisation (Erhan et al. 2009) draws the image that a unit of a network responds to most, by gradient ascent from
# noise. The image is a Fourier series in decorrelated colours that is moved a little before each step, as in
# [Feature Visualization](https://distill.pub/2017/feature-visualization) (Olah, Mordvintsev and Schubert 2017).
# The network is EfficientNet-Lite0, trained on ImageNet.

# %%
import xaiwidgets as xw

model = xw.load_model("efficientnet_lite0")
view = xw.FeatureVisualizer(model, layer="_blocks.8", units=[1, 5, 9, 20, 33, 47], images=xw.data.photographs())
view

# %% [markdown]
# **Three things to try**
#
# 1. Press *Run*, and move *Smoothness* while the images grow: what is marked *live* takes effect with the next step.
# 2. Choose a layer near the input, then one near the output: edges and colours become textures, then parts of objects.
# 3. Choose the layer `_fc` and the objective *logit*, and add a class by its name: what does the network take for a flamingo?
