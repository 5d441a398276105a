"""Fine-tuned backbones in, alone and fused with the names of the classes; predictions out."""

from chajong.pipelines.fusion_training.pipeline import create_pipeline

__all__ = ["create_pipeline"]
