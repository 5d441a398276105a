"""Members as ONNX files, checked against torch at once."""
