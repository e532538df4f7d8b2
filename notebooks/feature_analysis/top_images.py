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
# # Which images does this unit like best?
#
# One pass over a set of images keeps, for every unit, those it responds to most (Zeiler and Fergus 2014; Zhou et al. 2015), cut to what the unit can see of them.
# The pictures are there from the first batch on and improve while the pass goes on. Here: the packaged LeNet and its 4,000 training images.

# %%
import xaiwidgets as xw

model = xw.load_model("lenet")
view = xw.TopImageBrowser(model, xw.data.fashion_mnist_small("train"), layer="relu2", units=[0, 3, 9])
view

# %% [markdown]
# **Three things to try**
#
# 1. Press *Run*: do the crops of one unit share a shape?
# 2. Choose the layer `fc3`: its units are the classes, and the crops are whole images. Are all of them of that class?
# 3. Keep more images of each unit (*Images*), and see where the likeness ends.
