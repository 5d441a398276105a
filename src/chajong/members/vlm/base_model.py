"""The published model under the adapters: in 4 bits, with its processor."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from chajong.device import best_device, best_precision
from chajong.encoders.encoder import EncoderError
from chajong.encoders.published import model_files, model_folder, weights_identity
from chajong.encoders.vlm_towers import input_shape, load_vlm_config
from chajong.encoders.weights import check_complete, told_of_loading

if TYPE_CHECKING:
    import torch

    from chajong.members.vlm.parameters import VlmClassifierParameters

FULL_PRECISION = (r".*visual", r".*vision_tower", r".*multi_modal_projector", "lm_head")
"""Parts that stay as they are: what sees, and what gives the probabilities."""


def check_base(parameters: VlmClassifierParameters) -> tuple[int, int]:
    """See, before any weight is read, that a model is known and can be loaded in 4 bits here.

    Args:
        parameters: Which model, and its pixel budget.

    Returns:
        Height and width in pixels of the photos that it is shown.

    Raises:
        EncoderError: The model is of another kind, its files are absent, its photos have more
            pixels than the budget, or bitsandbytes is not installed.
    """
    if parameters.quantisation == "nf4" and find_spec("bitsandbytes") is None:
        message = (
            "Weights in 4 bits need the package bitsandbytes, which is not installed. Install it "
            "(`pip install bitsandbytes`), or set `vlm.model.quantisation: none`."
        )
        raise EncoderError(message)
    shape = input_shape(load_vlm_config(parameters), parameters)
    load_processor(parameters)
    base_identity(parameters)
    # Now rather than when the other members have been trained.
    model_files(parameters).folder()
    return shape


def base_identity(parameters: VlmClassifierParameters) -> dict[str, str]:
    """Say which model an adapter belongs to: its name, and its weights by content or revision.

    Raises:
        EncoderError: The model's files are absent.
    """
    return {
        # A folder is moved with what is saved; its content is a part of the weights' identity.
        "model": "" if model_folder(parameters) else parameters.model,
        "weights": weights_identity(parameters),
        "quantisation": parameters.quantisation,
    }


def load_processor(parameters: VlmClassifierParameters) -> Any:
    """Load the model's own processor, within the pixel budget.

    Raises:
        EncoderError: There is none, or it has no chat template.
    """
    from transformers import AutoProcessor

    folder = model_files(parameters).folder(())
    with told_of_loading(parameters.model):
        processor: Any = AutoProcessor.from_pretrained(folder)
    if getattr(processor, "chat_template", None) is None:
        message = (
            f"The processor of {parameters.model!r} has no chat template: name a model that was "
            "made for dialogues, such as Qwen/Qwen2.5-VL-7B-Instruct."
        )
        raise EncoderError(message)
    if "longest_edge" in dict(processor.image_processor.size):
        smallest = processor.image_processor.size["shortest_edge"]
        processor.image_processor.size = {
            "shortest_edge": min(smallest, parameters.max_pixels),
            "longest_edge": parameters.max_pixels,
        }
    return processor


def load_network(parameters: VlmClassifierParameters) -> Any:
    """Load the network, frozen, the language model's linear layers in 4 bits where that is asked.

    Args:
        parameters: Which model, and whether it is quantised.

    Returns:
        A network of transformers on the best device there is, in the working precision, to which
        4-bit weights are unpacked too.

    Raises:
        EncoderError: The weights are absent.
    """
    from transformers import AutoModelForImageTextToText

    device = best_device()
    folder = model_files(parameters).folder()
    with told_of_loading(parameters.model):
        network, report = AutoModelForImageTextToText.from_pretrained(
            folder,
            quantization_config=_four_bits() if parameters.quantisation == "nf4" else None,
            dtype=working_precision(),
            attn_implementation="sdpa",
            device_map={"": device},
            output_loading_info=True,
        )
    check_complete(report, parameters.model)
    for layer in network.modules():
        if hasattr(layer, "support_avx512bf16_for_cpu"):
            # Such CPUs would repack the weights and compute in bfloat16: other numbers than other
            # CPUs give, and than training saw.
            layer.support_avx512bf16_for_cpu = False
            # Weights in 4 bits hold their layer, which holds them: neither would ever be freed by
            # counting references. They need it for nothing once they are quantised.
            layer.weight.module = None
    return network.requires_grad_(False)


def working_precision() -> torch.dtype:
    """Say in which precision unquantised weights are kept and 4-bit ones are multiplied."""
    return best_precision(wide_range=True)


def is_in_four_bits(layer: str) -> bool:
    """Tell whether a linear layer, by its name in the network, is kept in 4 bits."""
    return not any(re.match(rf"(?:{part})(?:\.|$)", layer) for part in FULL_PRECISION)


def _four_bits() -> Any:
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=working_precision(),
        llm_int8_skip_modules=list(FULL_PRECISION),
    )
