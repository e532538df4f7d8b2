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
# # This looks like that
#
# A network of prototypical parts (Chen et al. 2019) classifies an image by how alike its parts are to parts of training images: *this* (a part of the image) *looks like that* (a part of a training image), so many points for its class. The points add up to the answer, so that the explanation is the computation and not a guess about it.
#
# Here it is trained while you look. The layers up to the chosen one are those of the network and stay as they are; what is learnt is which parts stand for a class. Every few epochs each prototype is put on the nearest real part of a training image of its class: a step down in the curve. The dashed-dotted line is the network itself, on the same held-out images: what is lost by answering with parts alone.

# %%
import xaiwidgets as xw

model = xw.load_model("lenet")
train, test = xw.data.fashion_mnist_small("train"), xw.data.fashion_mnist_small("test")
view = xw.PrototypePartViewer(model, train, test)
view

# %% [markdown]
# **Three things to try**
#
# 1. Press *Run*. The frame in each picture marks all that the part can depend on. Which classes share a part? Choose one class under *Parts of* to see all of its parts.
# 2. Walk to the *Next mistake*, and choose the right class under *Points for*. Which pairs gave the points that were missing?
# 3. Move *Separation* while it learns. With 0 nothing keeps a part from being one that many classes have; with a large one the prototypes flee from all images.
#
# **Where it fails.** The network itself is right more often: its last layers know where in the image a part is, a prototype does not. A pair says which pixels were compared, not what in them was alike: it may be the brightness. And a part that all images have, such as an empty corner, can be a prototype too; it tells by its absence elsewhere, or by nothing.

# %%
from xaiwidgets.core import last
from xaiwidgets.methods import PrototypeParts

method = PrototypeParts("pool2", prototypes=5, epochs=4, projections=2)
value = last(method(model, train.subset(slice(0, None, 2)), test))
known = value.accuracy
for name in ("own", "now", "trained", "projected", "by_chance"):
    print(f"{name:10} {getattr(known, name):.1%} of {len(test):,} held-out images are right")

# %% [markdown]
# Each answer is a list of pairs whose points sum to the logit:

# %%
query = 0
pairs = value.pairs(query)
for pair in pairs[:4]:
    of = train.class_names[int(value.classes[pair.prototype])]
    print(f"like a part of {of}: {pair.similarity:.2f} × {pair.weight:+.2f} = {pair.points:+.2f}")
total = sum(pair.points for pair in pairs)
print(f"all {len(pairs)} pairs: {total:.4f}; the logit: {float(value.logits[query].max()):.4f}")
