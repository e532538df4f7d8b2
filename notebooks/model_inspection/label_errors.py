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
# # Which labels are wrong?
#
# A label can be suspected from two sides. A head that is fitted on the network's features without the image still gives the label a high loss: that is leaving one out, by influence functions (Koh and Liang 2017). And the images that are nearest by these features carry another label. The ranking shown first is by the mean of both ranks; plain loss and self-influence can be chosen to compare.
# Do not take a ranking on trust. Here a tenth of the labels of the packaged Fashion-MNIST images are made wrong, so that it is known what there is to find: inspecting in random order, the first 10 % of the images hold 10 % of the wrong labels.

# %%
import torch

import xaiwidgets as xw

images = xw.data.fashion_mnist_small("train")
draw = torch.Generator().manual_seed(0)
chosen = torch.randperm(len(images), generator=draw)[:400]
labels = images.labels.clone()
labels[chosen] = (labels[chosen] + torch.randint(1, 10, (400,), generator=draw)) % 10
noisy = xw.data.ImageSet(images.batch(slice(None)), labels, images.class_names)

model = xw.load_model("lenet")
view = xw.LabelChecker(model, noisy, truth=images.labels)
view

# %% [markdown]
# **Three things to try**
#
# 1. Press *Run* and look at the first twelve. Were they all flipped, or are some mistakes of the data set itself? Click one: its nearest images stand on the left.
# 2. *Flip*, *Keep* and *Drop* say what becomes of a label; the record can be undone, and *Export* writes it as CSV and JSON. How many of the suggested classes would you have chosen?
# 3. Choose another ranking, other features, or another damping. Does one find more than plain loss?
#
# **Where it fails.** This network was trained on the right labels. One that has been trained on wrong ones for long knows them by heart: its loss on them is small, and neighbours alone still tell. And errors that people make are not uniform: where a shirt is taken for a coat, all rankings find much less.

# %%
from xaiwidgets.core import last
from xaiwidgets.methods import LabelErrors

found = last(LabelErrors()(model, noisy))
for ranking in found.rankings:
    print(f"{ranking:16} {found.recall(images.labels, 0.1, ranking):.0%} of the wrong labels in the first 10 %")

# %% [markdown]
# In the widget each decision is data: `view.decide("flip", index=468)` is the button, `view.cleaned()` the set with all of them applied. Here the first 200 are all flipped, without a look:

# %%
first, repaired = found.order()[:200], noisy.labels.clone()
repaired[first] = found.suggested[first]
before, after = (int((one != images.labels).sum()) for one in (noisy.labels, repaired))
print(f"{before} labels were wrong; with the first 200 flipped to what is suggested, {after} are")
