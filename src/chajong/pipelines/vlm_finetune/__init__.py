"""Photos and another member's predictions to a vision-language model's answers, merged."""

from chajong.pipelines.vlm_finetune.pipeline import create_pipeline

__all__ = ["create_pipeline"]
