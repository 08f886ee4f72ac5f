"""What every model file of this project is; told without loading onnx."""

from typing import Final

FORMAT: Final = "ONNX"
BUNDLE: Final = "BUNDLE"
"""Format of a file of several models; `producers.bundles` says what is in it."""
FORMATS: Final = frozenset({FORMAT, BUNDLE})
OPSET: Final = 17
IR_VERSION: Final = 8
"""The format version of opset 17's time, so that older runtimes load the file too."""
RUNTIME: Final = "onnxruntime>=1.22"
PRODUCER: Final = "fleetloop"
