"""Influence functions: what removing a training example does to the loss of a test example."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

from torch import nn

from xaiwidgets.core import Method, Step, Steps, setting
from xaiwidgets.data import ImageSet, as_image_set
from xaiwidgets.methods.model_inspection._influence.guess import blank, gradient_products
from xaiwidgets.methods.model_inspection._influence.inputs import Inputs, given_inputs, read_inputs
from xaiwidgets.methods.model_inspection._influence.network_run import explain_network
from xaiwidgets.methods.model_inspection._influence.result import Influence
from xaiwidgets.methods.model_inspection._influence.run import READ, TOTAL, explain
from xaiwidgets.models import ImageModel, as_image_model
from xaiwidgets.models.features import HEAD

_FEW_TESTS = 64  # test examples for which there is an order while features are read


@dataclass(frozen=True, eq=False)
class InfluenceFunctions(Method):
    """Predict what removing each training example does to the loss of each test example.

    Koh and Liang (2017), "Understanding Black-box Predictions via Influence Functions": without example i of N the
    loss of test example t changes by d_ti = + g_tᵀ H⁻¹ g_i / N (their equation 2 with the sign of a removal), in
    nats, g the gradients of the cross-entropy and H the Hessian of the training objective, over the training
    examples. Positive: the example was helpful, without it the loss rises. ``corrected`` goes one Newton step to
    the parameters without i, and takes the loss there: θ₋ᵢ = θ + (H − A_i ⊗ x_i x_iᵀ/N)⁻¹ g_i/N with A_i =
    diag(p_i) − p_i p_iᵀ.

    What is explained is a head: regularised softmax regression on fixed features, fitted from the network's own
    weights to the optimum of J(θ) = 1/N Σ ℓ_i + λ/2 |θ|² (the bias is regularised like the weights). There H is
    positive definite, and each claim can be tested by fitting the head again (`Influence.retrain_without`).
    ``layer`` "head" is the network's last linear layer; any other dotted path is a layer on whose output, averaged
    over positions, a head is fitted. ``solver`` "auto" takes the exact inverse for heads of at most 20,000
    parameters that fit into memory, else conjugate gradients; "ekfac" covers all linear and convolutional layers of
    the network as it is (Grosse et al. 2023), an approximation that no refit can check at once, and whose order is
    worth more than its sizes (at λ = 1e-2 they are 1.2 to 1.5 times too large, measured on small networks).

    Called with a model and labelled training and test images it yields an `Influence`, first an order by products of
    gradients while features are read, then effects that get better with every stage. With ``None`` as the model,
    ``train`` and ``test`` are (features, labels): Float (row, feature) and whole numbers (row,); no intercept is added.

    Departures: the head is fitted to its optimum first, where the paper's approximation holds. Raises `XaiwidgetsError`
    for missing labels or labels out of range, features that are no finite numbers, more classes than rows, a network
    whose last layer is no Linear, data that change from one reading to the next, and too little memory.
    """

    layer: str = setting("head", help="'head', or the dotted path of a layer to fit a head on", hidden=True)
    _: KW_ONLY
    damping: float = setting(
        1e-3, low=1e-6, high=1.0, log=True, live=True, label="Damping λ", help="weight of λ/2 |θ|² in the objective"
    )
    solver: str = setting("auto", choices=("auto", "exact", "cg", "ekfac"), help="how H⁻¹ is applied", advanced=True)
    corrected: bool = setting(True, help="go one Newton step instead of linearising", advanced=True)
    tolerance: float = setting(
        1e-6, low=1e-12, high=1e-1, log=True, help="residual at which conjugate gradients stop", advanced=True
    )
    batch: int = setting(64, low=1, high=4096, log=True, help="images that are read at once", advanced=True)
    seed: int = setting(0, low=0, help="draws the labels of EK-FAC", advanced=True)

    def __call__(
        self,
        model: ImageModel | nn.Module | None,
        train: Any,
        test: Any,
    ) -> Steps[Influence]:
        """Yield ever better answers; a change of the damping fits the head anew, on the features that were read."""
        if self.solver == "ekfac":
            network = None if model is None else as_image_model(model)
            sets = (train, test) if network is None else self._sets(network, train, test)
            yield from self._steered(self, lambda settings, _answer: explain_network(settings, network, *sets), None)
            return
        settings, reading = self, self._read(model, train, test)
        share, inputs, answer = next(reading)
        while share < 1:
            settings = (yield Step(answer, READ * share, TOTAL)) or settings
            share, inputs, answer = next(reading)
        yield from self._steered(settings, lambda settings, answer: explain(settings, inputs, answer), answer)

    def _steered(
        self,
        settings: Self,
        make: Callable[[Self, Influence | None], Iterator[Step[Influence]]],
        answer: Influence | None,
    ) -> Generator[Step[Influence], Self | None, None]:
        """The steps that are made for the settings, and made anew for another damping; what is done never falls."""
        floor, steps = 0.0, make(settings, answer)
        while (step := next(steps, None)) is not None:
            done = floor + (1 - floor / step.total) * step.done  # what was done before another damping stays done
            newer = yield Step(step.value, done, step.total)
            if newer is not None and newer.damping != settings.damping:
                settings, steps, floor = newer, make(newer, step.value), done

    def _read(self, model: Any, train: Any, test: Any) -> Iterator[tuple[float, Inputs, Influence]]:
        """Yield the share that is read, the inputs so far, and what can be said of them."""
        if model is None:
            inputs = given_inputs(train, test)
            yield 1.0, inputs, blank(inputs, self.damping)
            return
        model = as_image_model(model)
        sets = self._sets(model, train, test)
        few = len(sets[1]) <= _FEW_TESTS
        answer = gradient_products if self.layer == HEAD and few else blank
        for share, inputs in read_inputs(model, *sets, self.layer, self.batch):
            yield share, inputs, answer(inputs, self.damping)

    @staticmethod
    def _sets(model: ImageModel, train: Any, test: Any) -> list[ImageSet]:
        return [as_image_set(images).fitted(model.picture_shape) for images in (train, test)]
