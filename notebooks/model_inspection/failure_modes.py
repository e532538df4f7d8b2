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
# # Which images does this unit like best?
#
# One pass over a set of images keeps, for every unit, those it responds to most (Zeiler and Fergus 2014; Zhou et al. 2015), cut to what the unit can see of them.
# The pictures are there from the first batch on and improve while the pass goes on. Here: the packaged LeNet and its 4,000 training images.

# %% [markdown]
# # When is the network wrong?
#
# One answer in eight is wrong here, but which? The errors are sorted into groups by the network's own features, and for each group a rule is sought in words that people can read, such as "predicted Pullover, confidence under 0.75" (after Bansal, Farhadi and Parikh 2014, who call it a specification sheet).
# A rule that is sought will be found, in any errors. So half of the images take no part in the search, and the claim is made on them alone: how often the answers under a rule are wrong, with its interval, beside the share of errors overall, beside rules for errors dealt out at random, and beside the least confident answers. Here: the packaged LeNet and 1,000 images that it was not trained on.

# %%
import xaiwidgets as xw

model = xw.load_model("lenet")
view = xw.FailureFinder(model, xw.data.fashion_mnist_small("test"))
view

# %% [markdown]
# **Three things to try**
#
# 1. Press *Run*, and compare a rule where it was found with the same rule on held-out images: how much was luck? Rules for random errors tell how much would be without any failure mode at all.
# 2. Choose *without confidence*: what is left to say of the pictures alone? In the plot, do the dots of the rules ever rise above the line of confidence?
# 3. Click a picture, then *all held out under its rule*: errors come first. Would you have stopped trusting the right ones among them?
#
# With 60 held-out errors most rules could be chance. Ten times as many images, `xw.data.fashion_mnist("test")` (30 MB are downloaded once), say it with certainty.
#
# **Do not trust this answer.** The sheet can be asked about other images, here the 4,000 that the network was trained on and that the sheet has not seen; drop a picture into the widget to ask about one.

# %%
from xaiwidgets.core import last
from xaiwidgets.methods import FailureModes

sheet = last(FailureModes()(model, xw.data.fashion_mnist_small("test")))
flags = sheet.flags(model, xw.data.fashion_mnist_small("train"))
end = flags.selective
print(f"right of all answers             {float(end.accuracy[0]):.1%}")
print(f"right of the {float(end.kept[-1]):.0%} under no rule     {float(end.accuracy[-1]):.1%}")
print(f"right of as many most confident  {float(end.confident_accuracy[-1]):.1%}")
