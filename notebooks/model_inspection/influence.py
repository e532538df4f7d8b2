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
# # Which training images made this prediction, and is that true?
#
# Influence functions (Koh and Liang 2017) predict what removing one training image does to the loss of one test image: without a *helpful* image the loss rises, without a *harmful* one it falls. For the head of a network, its last linear layer, the prediction is nearly exact, and it is checked at once: the head is really fitted again without the image.
#
# This notebook is figure 3 of the survey (Fan et al. 2021), live: a LeNet, a test image, and the training images that are most harmful to it.

# %%
import xaiwidgets as xw

model = xw.load_model("lenet")
train, test = xw.data.fashion_mnist_small("train"), xw.data.fashion_mnist_small("test")
view = xw.InfluenceExplorer(model, train, test, chosen=17)
view

# %% [markdown]
# **Three things to try**
#
# 1. Press *Run*. "≈" marks a prediction; it goes when a refit has confirmed the number. Click two harmful images and press *Remove and retrain*: is the actual change the predicted one?
# 2. Move the damping down to 0.0001 while you watch the two slopes. The uncorrected effects shrink to a fraction of the truth while their order stays nearly right: a correlation alone hides that.
# 3. Press *Next mistake* a few times, or drag around a group on the *Map*: which training images are to blame?
#
# ## The same in code
#
# `effect` is in nats and positive where removal hurts. Removing the two most harmful images lowers the loss, as predicted; removing nothing changes nothing.

# %%
from xaiwidgets.core import last
from xaiwidgets.methods import InfluenceFunctions

result = last(InfluenceFunctions(damping=1e-3)(model, train, test.subset([17])))
harmful = result.harmful(count=2)
removal = result.retrain_without(harmful)
print(f"loss of the test image           {float(result.test_loss[0]):+.4f} nats")
print(f"sum of the effects               {float(removal.influence[0]):+.4f}")
print(f"predicted by one Newton step     {float(removal.predicted[0]):+.4f}")
print(f"actual, the head fitted again    {float(removal.actual[0]):+.4f}")
print(f"removing nothing                 {float(result.retrain_without([]).actual[0]):+.4f}")
agreement = result.leave_one_out(count=40)
print(f"40 images removed one by one     r {agreement.corrected_r:.4f}, slope {agreement.corrected_slope:.3f}")
print(f"the same without the correction  r {agreement.r:.4f}, slope {agreement.slope:.3f}")

# %% [markdown]
# ## And the whole network?
#
# A network that is trained from scratch ends elsewhere for another seed, and one image more or less is lost in that noise. So: ten seeds, each with and without the two most harmful images of 1,000, and the mean change with its standard error, whatever its sign. Do not read much into it: with 500 images instead, the same two lines print a change of either sign within its standard error.

# %%
import torch

from xaiwidgets.models.lenet import MEAN, STD, LeNet

few = train.subset(range(0, 4000, 4))
x_test, y_test = (test.batch([17]) - MEAN) / STD, test.labels[17:18]


def trained(keep, seed, epochs=6):
    """A LeNet trained from scratch on some of the images, in an order that the seed draws."""
    torch.manual_seed(seed)
    network = LeNet()
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    images, labels = (few.batch(keep) - MEAN) / STD, few.labels[keep]
    for _ in range(epochs):
        for rows in torch.randperm(len(keep)).split(50):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(network(images[rows]), labels[rows]).backward()
            optimiser.step()
    return network.eval()


def loss_of(network):
    """The loss of the test image."""
    with torch.no_grad():
        return float(torch.nn.functional.cross_entropy(network(x_test), y_test))


everything = list(range(len(few)))
first = xw.ImageModel(trained(everything, seed=0), (1, 28, 28), ((MEAN,), (STD,)), train.class_names)
head = last(InfluenceFunctions()(first, few, test.subset([17])))
two = head.harmful(count=2).tolist()
without = [place for place in everything if place not in two]
changes = torch.tensor([loss_of(trained(without, seed)) - loss_of(trained(everything, seed)) for seed in range(10)])
print(
    f"the head: predicted {float(head.corrected[0, two].sum()):+.3f}, actual {float(head.retrain_without(two).actual[0]):+.3f} nats"
)
print(
    f"the whole network, ten seeds: {float(changes.mean()):+.3f} ± {float(changes.std() / 10**0.5):.3f} nats (mean and standard error)"
)

# %% [markdown]
# ## What goes wrong elsewhere
#
# *LiSSA* builds H⁻¹v as a series, v + (I − H/σ)v + …, one product at a time. With too few products it has not arrived: the norm still grows, and the effects are far too small. And H is the curvature of the *training* loss: that of the test images gives other effects.

# %%
gradient, size = result.test.gradients(result.head.theta), result.head.theta.numel()
vector = gradient
for _ in range(100):  # the power method: the largest eigenvalue of H
    vector = result.head.product(vector / vector.norm())
largest, damping = float(vector.norm()), result.damping


def compared(effect):
    """How the effects of another H stand to the exact ones: correlation, and slope."""
    exact = result.effect[0].double()
    slope = float((effect * exact).sum() / exact.square().sum())
    return f"r {float(torch.corrcoef(torch.stack([effect, exact]))[0, 1]):.3f}, slope {slope:.3f}"


estimate = gradient
for step in range(1, 1001):
    estimate = gradient + estimate - result.head.product(estimate) / largest
    if step in {10, 100, 1000}:
        effect = result.head.linear(estimate / largest)[0].double()
        print(f"LiSSA, {step:5,} products: |H⁻¹v| {float(estimate.norm()) / largest:6.1f}, {compared(effect)}")

whole = last(InfluenceFunctions(corrected=False)(model, train, test))
p, x = whole.test_probabilities.double(), whole.test.features.double()
curvature = torch.diag_embed(p) - p[:, :, None] * p[:, None]
hessian = torch.einsum("nab,ni,nj->aibj", curvature, x, x).reshape(size, size) / len(x) + damping * torch.eye(size)
solution = torch.linalg.solve(hessian, gradient.reshape(size)).reshape(gradient.shape)
print(f"the Hessian of the test images instead: {compared(result.head.linear(solution)[0].double())}")
