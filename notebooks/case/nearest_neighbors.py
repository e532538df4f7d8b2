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
# # Which training images are like this one?
#
# A network turns an image into features. The training images whose features are nearest are what it takes the image to be like, and the share of them that have the predicted class, the *conformity*, says how far the data support the prediction (Wallace, Feng and Boyd-Graber 2018; figure 12 of the survey). Deep k-nearest neighbours (Papernot and McDaniel 2018) count over several layers and compare with images that were kept apart: *credibility* is the share of these that are supported no better.

# %%
import xaiwidgets as xw

model = xw.load_model("lenet")
train, test = xw.data.fashion_mnist_small("train"), xw.data.fashion_mnist_small("test")
view = xw.NeighborExplorer(model, train, test)
view

# %% [markdown]
# **Three things to try**
#
# 1. Press *Run*, then *Next mistake* a few times. Are the nearest images of the true class, of the predicted one, or of both? Compare the bars with the softmax, which is often surer than the neighbours are.
# 2. Click a neighbour: it is asked about in turn, and the trail leads back. How many steps is it from a coat to a pullover?
# 3. Open *Map* and choose t-SNE, which forms while you look. Click one of the crosses, the images that are answered wrongly: where do they lie? Drag with Shift around some points: `view.examples` holds their places.
#
# **Where it fails.** Nearest is nearest by these features, not to your eye: the first layers compare textures, the last ones little but the class. And neither conformity nor credibility tells the network's own mistakes better than its softmax does, as the numbers below say.

# %% [markdown]
# ## Figure 12: neighbours of right and of wrong predictions

# %%
import torch
from PIL import Image

from xaiwidgets.core import last
from xaiwidgets.methods import NearestNeighbors

method = NearestNeighbors(("conv2", "head"), k=25)
asked, calibration = test[:500], test[500:]
found = last(method(model, train, asked, calibration))
right = found.predictions == asked.labels

names = train.class_names
shown = [*right.nonzero().flatten()[:2].tolist(), *(~right).nonzero().flatten()[:4].tolist()]
rows = []
for place in shown:
    nearest = found.indices[1, place, :8].tolist()
    images = torch.cat([asked.batch([place]), torch.ones(1, 1, 28, 28), train.batch(nearest)])
    rows.append(torch.nn.functional.pad(images[:, 0], (1, 1, 1, 1), value=1.0).permute(1, 0, 2).flatten(1))
    labels = [names[label] for label in train.labels[nearest].tolist()]
    verdict = "right" if right[place] else "WRONG"
    print(
        f"{verdict}: {names[int(asked.labels[place])]} taken for {names[int(found.predictions[place])]}, conformity {found.conformity[place]:.2f}; nearest: {', '.join(labels)}"
    )
picture = Image.fromarray(torch.cat(rows).mul(255).byte().numpy())
picture.resize((picture.width * 3, picture.height * 3), Image.Resampling.NEAREST)

# %% [markdown]
# On the left what was asked about, then its nearest training images by the features before the head. The first two are answered rightly, the others wrongly.

# %% [markdown]
# ## Does conformity tell right from wrong?
#
# The area under the ROC curve is the chance that of a right and a wrong prediction the right one has the larger number: 0.5 is a coin.

# %%
print(
    f"the network is right in {right.double().mean():.1%} of {len(right)} images, their neighbours alone in {(found.supported == asked.labels).double().mean():.1%}"
)
print(
    f"mean conformity where it is right {found.conformity[right].mean():.2f}, where it is wrong {found.conformity[~right].mean():.2f}"
)
print(f"on {found.calibrated} other images: conformity {found.conformity_auroc:.2f}, softmax {found.softmax_auroc:.2f}")

# %% [markdown]
# ## What was never seen
#
# Credibility is for another question: is there anything like this in the data? Layers near the input see what is odd about an inverted or a noisy image; the head alone does not. Change `layers` to `("head",)` and look.

# %%
layers = ("relu1", "relu2", "relu3", "relu4")
method = NearestNeighbors(layers, k=25)
draw = torch.Generator().manual_seed(0)
pixels = asked.batch(slice(None))
order = torch.randperm(784, generator=draw)
shifts = {
    "inverted": 1 - pixels,
    "noisy": (pixels + 0.5 * torch.randn(pixels.shape, generator=draw)).clamp(0, 1),
    "shuffled": pixels.flatten(1)[:, order].view_as(pixels),
    "turned by 90°": pixels.rot90(1, (2, 3)),
}
known = last(method(model, train, asked, calibration))


def told(one, other):
    """The chance that one of the first is larger than one of the others; equal ones count half."""
    return float(((one[:, None] > other).double() + 0.5 * (one[:, None] == other)).mean())


print("told from real images by     credibility  softmax")
for name, images in shifts.items():
    other = last(method(model, train, images, calibration))
    by_credibility = told(known.credibility, other.credibility)
    by_softmax = told(known.probabilities.amax(1), other.probabilities.amax(1))
    print(f"{name:28} {by_credibility:8.2f} {by_softmax:10.2f}")

# %% [markdown]
# A garment turned on its side is told by neither: averaged over an image, what these layers see is much the same. Digits that are turned are told (0.9 on scikit-learn's, where the softmax has 0.4).

# %%
p_true = known.p_values.gather(1, asked.labels[:, None])
for a in (0.05, 0.1, 0.2):
    print(
        f"p of the true class ≤ {a} for {(p_true <= a).double().mean():.3f} of the images; promised: at most {a}, but for chance"
    )

# %% [markdown]
# Features need no network: `last(NearestNeighbors(k=5)(None, (features, labels), queries))` searches whatever you have, and a query can be named by its row, as in `[17, 4]`; then it is no neighbour of its own.
