"""The model: features of a medium as an ONNX graph and a small trained head."""
