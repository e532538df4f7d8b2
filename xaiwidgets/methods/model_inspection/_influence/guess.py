"""What is known before the head is fitted."""

from dataclasses import replace

import torch

from xaiwidgets.methods.model_inspection._influence.inputs import Inputs
from xaiwidgets.methods.model_inspection._influence.problem import residuals
from xaiwidgets.methods.model_inspection._influence.result import Influence


def blank(inputs: Inputs, damping: float) -> Influence:
    """An answer that knows the labels, and the test losses at the parameters that the fit starts from."""
    test, missing = inputs.test, inputs.rows - len(inputs.train.labels)
    nothing = torch.full((1, 1), torch.nan, device=test.features.device)
    unknown, row = nothing.expand(len(test.labels), inputs.rows), nothing[0].expand(inputs.rows)  # take no memory
    return Influence(
        effect=unknown,
        corrected=unknown,
        self_influence=row,
        left_out_loss=row,
        train_loss=row,
        test_loss=test.loss(inputs.start).float(),
        test_probabilities=(test.features.double() @ inputs.start.T).softmax(1).float(),
        train_labels=torch.nn.functional.pad(inputs.train.labels, (0, missing), value=-1),
        test_labels=test.labels,
        damping=damping,
        stage="reading features",
    )


def gradient_products(inputs: Inputs, damping: float) -> Influence:
    """g_tᵀ g_i / N at the network's own head, of the images read so far: an order that costs nothing, but no size."""
    answer, train, test = blank(inputs, damping), inputs.train, inputs.test
    r_train, r_test = (
        residuals((one.features.double() @ inputs.start.T).softmax(1), one.labels) for one in (train, test)
    )
    seen = len(train.labels)
    products = (r_test @ r_train.T) * (test.features @ train.features.T) / inputs.rows
    effect, loss = answer.effect.clone(), answer.train_loss.clone()
    effect[:, :seen], loss[:seen] = products.float(), train.loss(inputs.start).float()
    return replace(answer, effect=effect, train_loss=loss, stage="reading features; an order, no size yet")
