# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: -all
#     notebook_metadata_filter: kernelspec,jupytext
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
# ---

# %%
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

# %% [markdown]
# # Which images stand for the data, and which do they not stand for?
#
# A few prototypes are easier to look at than four thousand images, but they hide what is unlike them. MMD-critic (Kim, Khanna and Koyejo 2016) chooses both: prototypes, whose distribution among the network's features is as near to that of all images as can be, and criticisms, images like which the prototypes hold too few or too many. How near is measured by the squared maximum mean discrepancy, MMD²: 0 for equal distributions.
#
# Prototypes always look plausible. So the widget sets random images beside them: how much larger is their MMD², and how well does the nearest of them tell the class of an image?

# %%
import xaiwidgets as xw

model = xw.load_model("lenet")
view = xw.PrototypeExplorer(model)
view

# %% [markdown]
# **Three things to try**
#
# 1. Press *Run* and click a prototype: the images that it is the nearest to appear on the left. Are they all of its class? Then click a criticism: too few like it, or too many?
# 2. Move *Prototypes*: it is answered at once, since the search is nested. Where does the curve stop to fall? Then move *Kernel γ*: a small one compares the set as a whole, a large one only what is close by.
# 3. Tick *Per class*: each class is stood for by its own. What becomes of the accuracy?
#
# The page *Set cover* asks another question of the same images: how few balls hold them.
#
# **Where it fails.** Everything is measured among features, at the width of one kernel: images that the network cannot tell apart stand for each other, however different they look. Classes are not asked for unless *Per class* is ticked, so a rare one may have no prototype. And the greedy search promises little for a wide kernel, which is why the random draws stand beside it.

# %%
from xaiwidgets.core import last
from xaiwidgets.methods import MMDCritic

train = xw.data.fashion_mnist_small("train")
for per_class in (False, True):
    found = last(MMDCritic(per_class=per_class)(model, train))
    print(
        f"per_class={per_class}: MMD² {found.mmd2[-1]:.4f}, of random images {found.random_mmd2[:, -1].mean():.4f};",
        end=" ",
    )
    print(f"nearest prototype right {found.accuracy:.0%}, nearest random image {found.random_accuracy.mean():.0%}")

# %% [markdown]
# What a criticism says can be checked by hand: with its sign, and with its nearest prototype.

# %%
found = last(MMDCritic()(model, train))
for place, row in enumerate(found.criticisms.tolist()):
    print(f"image {row:4} {train.label_name(row):12} w = {found.witness[place]:+.4f}, {found.meaning(place)}")
