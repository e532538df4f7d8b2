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
# # Can the image be guessed from what this layer says?
#
# Learned inversion (Dosovitskiy and Brox 2016) trains a second network, a decoder, to make images of a layer's activations, and tries it on images that it has not seen.
# Where the layer does not say, the decoder answers with what is usual there: so the pictures are blurred rather than noisy, and they keep what inversion by optimisation cannot find.
# The network is a LeNet that was trained on a few thousand pieces of clothing; the decoder learns from those, and is shown others.

# %%
import xaiwidgets as xw

model = xw.load_model("lenet")
train, test = xw.data.fashion_mnist_small("train"), xw.data.fashion_mnist_small("test")
view = xw.LearnedInverter(model, train, test[:12:3], layer="fc1")
view

# %% [markdown]
# **Three things to try**
#
# 1. Press *Run* and watch blurs become clothes. The dashed line is what a layer that keeps nothing would leave.
# 2. Choose `fc3`: ten numbers are left of each image. Which class is it, and what is lost of this very piece?
# 3. Move *Learning rate* up to 0.01 while it runs: the error jumps, and heals once you move it back.
