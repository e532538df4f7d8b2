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
# # A unit in a formula
#
# A unit that is on for orange caps and orange wheels is named badly by any single word. Compositional explanations (Mu and Andreas 2020) join concepts by AND, OR and AND NOT until the formula is true just where the unit is on.
# Here EfficientNet-Lite0 looks at painted scenes in which every pixel is labelled. The images are counted once for each length of formula; nothing but counts is kept.

# %%
import xaiwidgets as xw

model = xw.load_model("efficientnet_lite0")
concepts = xw.data.scenes(400, size=224)
view = xw.CompositionalLabeler(model, concepts, layer="_blocks.8", units=[48, 18, 3])
view

# %% [markdown]
# **Three things to try**
#
# 1. Press *Run* and watch the formulas settle, then choose *with formula*: what does the formula miss (stripes), and where does it promise too much (blue)?
# 2. Read *by chance*: the same search for masks that were laid over other images gains by more concepts too. For which units is the longer formula worth more than that?
# 3. Allow five concepts (*Length*). When does the overlap stop growing faster than chance?
#
# Your own labels: `xw.ConceptSet.from_arrays(images, masks, names)`, `from_masks` for a folder of masks, `from_panoptic` for COCO, `from_broden` for Broden.
