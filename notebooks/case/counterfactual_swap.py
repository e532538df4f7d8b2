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
# # Which part of another image would change the answer?
#
# Take two images that a network answers differently, and look at the map that one of its layers makes of each. Replace one cell of the first map by one of the second, the pair that helps the second's class most, and again, until that class is the answer (Goyal et al. 2019). All pairs are compared at every step, so that the swaps are the greedy search's own and not a guess; few edits mean that a small part tells the two apart.

# %%
import xaiwidgets as xw

model = xw.load_model("lenet")
view = xw.RegionSwapper(model, chosen=2)
view

# %% [markdown]
# **Three things to try**
#
# 1. Press *Run*. Cells with the same number change places; the plot tells when the answer flips. Are these the parts by which you would tell the two apart?
# 2. Compare with random swaps, in grey: how many of them does it take?
# 3. Choose a shallower layer under *Cells of*. Its cells are smaller and have seen less, so that more edits are needed.
#
# **Where it fails.** It is the map that is edited. A cell of a deep layer has seen far more of the image than the pixels below it, so that the picture with the pixels swapped is for the eye alone: the network may answer it otherwise. And swaps mix positions: where a network looks at each cell in its own way, as this one does after its last map, a swapped cell is seen by weights that were learnt for another place.

# %%
from xaiwidgets.core import last
from xaiwidgets.methods import CounterfactualSwap

test = xw.data.fashion_mnist_small("test")
for layer in ("pool2", "conv2"):
    found = last(CounterfactualSwap(layer, distractors=1)(model, test[2:3], test[0:1]))
    flips = "flips" if found.flipped else "does not flip"
    print(
        f"{layer}: {flips} with {len(found.edits)} of {found.grid[0] * found.grid[1]} cells, {found.tried:,} swaps compared"
    )

# %% [markdown]
# What is said of the map need not hold for the picture:

# %%
for image, words in ((found.query, "the query"), (found.pictures[-1], "with the pixels swapped")):
    answer = model(image[None]).softmax(1)[0]
    print(f"{words}: {model.class_names[int(answer.argmax())]}, {float(answer.max()):.2f}")
