"""The model: oriented-gradient features as an ONNX graph and a small trained head."""
