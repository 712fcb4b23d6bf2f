"""The layers around the operations: the checks of Host and Origin, faults on request, the control endpoints."""
