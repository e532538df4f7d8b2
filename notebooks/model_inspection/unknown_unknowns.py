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
# # Where is it sure, and wrong?
#
# An error at low confidence announces itself. An *unknown unknown* does not: the network is sure, and wrong. To find such answers somebody has to tell the truth about images, one at a time, and that is the cost. So Lakkaraju et al. (2017) search: the sure answers are sorted into partitions that are alike, and a bandit asks more where more was wrong.
#
# Here the blind spot is planted. Forty of the 1,000 images are coats that lie on their side; the packaged LeNet calls nearly all of them bags, and is very sure.

# %%
import xaiwidgets as xw

model = xw.load_model("lenet")
test = xw.data.fashion_mnist_small("test")
pictures, coats = test.batch(slice(None)), (test.labels == test.class_names.index("Coat")).nonzero().flatten()[:40]
pictures[coats] = pictures[coats].rot90(1, (2, 3))
images = xw.data.ImageSet(pictures, test.labels, test.class_names)

view = xw.BlindSpotFinder(model, images, budget=200)
view

# %% [markdown]
# **Four things to try**
#
# 1. Press *Run*. The band is what searches at random find; does the guided search leave it? In which row of *Partitions* do the coats lie?
# 2. Set *Exploration* to 1, as the paper has it: where errors are rare, all partitions are then asked almost alike.
# 3. Ordinary errors of the same network lie just above the threshold. Run the cell below: which search finds most of them now?
# 4. Choose *you*: each image that is asked about is shown, and you say whether the network is right. No label is needed.

# %%
ordinary = xw.BlindSpotFinder(model, test)
ordinary

# %% [markdown]
# The same without a widget. The search looks at a label only when it asks for it; how many a search at random finds is the mean of a hypergeometric distribution.

# %%
from xaiwidgets.core import last
from xaiwidgets.methods import UnknownUnknowns

for name, looked_at in (("coats on their side", images), ("as they are", test)):
    found = last(UnknownUnknowns(budget=200)(model, looked_at))
    others = dict(zip(found.baselines, found.baseline_found[:, -1].tolist(), strict=True))
    low, high = found.interval
    print(f"{name}: guided {len(found.found)}; at random {found.expected:.1f} ({low} to {high}); {others}")
