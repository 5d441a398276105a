"""The tiny vision-language model of the sample, made in code."""

from chajong.pipelines.tiny_vlm.pipeline import create_pipeline

__all__ = ["create_pipeline"]
