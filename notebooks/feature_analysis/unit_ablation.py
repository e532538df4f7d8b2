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
# # What is lost without this unit?
#
# A unit that is on in shirts need not matter for shirts. So take it away: its activation is set to zero everywhere, and the network answers again (Bau et al. 2020).
# The pictures are the images whose right class loses most probability. The bars tell for each concept, here the ten classes, what the removal does on average, beside the images without the concept (lines) and the removal of random other units of the layer (dots). Here: the packaged LeNet and the 4,000 images that it was trained on.

# %%
import xaiwidgets as xw

model = xw.load_model("lenet")
images = xw.data.fashion_mnist_small("train")
concepts = xw.ConceptSet.from_arrays(
    images,
    masks={"class": (images.labels + 1)[:, None, None]},  # one label for the whole of each image, 0 would be none
    names={"class": images.class_names},
)
view = xw.UnitAblator(model, concepts, layer="relu2", units=[3, 4, 9])
view

# %% [markdown]
# **Three things to try**
#
# 1. Press *Run*, then click a picture of another unit: the bars and the evidence are about that unit. Is a single class harmed, or are all? Does any class gain?
# 2. Choose *Together*: are three units missed more than the sum of each?
# 3. Choose another *Concept* in the list. Where the evidence says *could be chance*, does a random unit do as much?
#
# Without labels that name a class, such as in painted scenes (`xw.data.scenes()`), the network's own answers stand for the truth, and the concepts can be objects, parts, colours and textures.
