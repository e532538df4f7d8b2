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
# # What does each unit detect?
#
# Network dissection (Bau et al. 2017) compares where a unit is on with where things are: a unit that is on just where clocks have their dials is named *dial*.
# Here EfficientNet-Lite0 looks at painted scenes in which every pixel is labelled, with object, part, colour, texture and material. The bars find their places while the images are counted; nothing but counts is kept.

# %%
import xaiwidgets as xw

model = xw.load_model("efficientnet_lite0")
concepts = xw.data.scenes(400, size=224)
view = xw.Dissector(model, concepts, layer="_blocks.11")
view

# %% [markdown]
# **Three things to try**
#
# 1. Press *Run*, then click a card: is the unit on in the same thing in all of its top images? *Draw what it looks for* shows the image that it would like most.
# 2. Move *IoU threshold* and *Quantile*: the finished counts are scored anew at once. Which labels could be chance?
# 3. Compare with *an untrained copy*, and with *a random basis*. The paper finds that turning the axes loses detectors. Does this layer, the sum of a residual network without a ReLU behind it, agree?
#
# Your own labels: `xw.ConceptSet.from_arrays(images, masks, names)`, `from_masks` for a folder of masks, `from_panoptic` for COCO, `from_broden` for Broden.
