"""What Python programs call: the functions of ``import hptune``."""
