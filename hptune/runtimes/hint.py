"""What another runtime, or a package, would change for a trainer that failed, as the end of its log says."""

from __future__ import annotations

import re

from hptune.runtimes.missing import advise, missing_module

_TF1 = "this trainer uses TensorFlow 1; run it with --runtime tf1"
_KERAS2 = "this trainer uses Keras 2; run it with --runtime keras2"
_OF_ITS_TIME = (
    "this trainer uses what NumPy, pandas or scikit-learn have no more; run it with --runtime keras2, which "
    "has pandas 1.5, scikit-learn 1.1 and NumPy's old names, or name an interpreter with --python"
)
_PYTHON2 = "this trainer is written for Python 2; --python PATH runs it with one"

_V1_ATTRIBUTES = (
    "app|ConfigProto|GPUOptions|GraphKeys|InteractiveSession|Print|Session|contrib|estimator|flags|get_variable|"
    "gfile|global_variables\\w*|layers|local_variables_initializer|logging|parse_example|parse_single_example|"
    "placeholder\\w*|reset_default_graph|set_random_seed|string_to_number|tables_initializer|to_float|to_int\\d+|"
    "trainable_variables|truncated_normal|variable_scope|decode_csv|log"
)
_ERROR = re.compile(r"[\w.]*(?:Error|Exception|Interrupt|Exit)\b")
_SIGNS = {
    _TF1: (
        rf"AttributeError: module '[\w.]*tensorflow[\w.]*' has no attribute '(?:{_V1_ATTRIBUTES})'",
        r"AttributeError: module '[\w.]*tensorflow[\w.]*train' has no attribute '\w+Optimizer'",
        r"AttributeError: module '[\w.]*(?:tensorflow|keras)[\w.]*(?:losses|metrics)' has no",
        r"No module named 'tensorflow[._](?:contrib|estimator|examples)",
        r"ImportError: cannot import name '(?:estimator|contrib)' from 'tensorflow'",
        r"No module named 'sklearn\.(?:externals|cross_validation|grid_search)",
        r"tf\.compat\.v1\.\w+ is not compatible with eager execution|`tf\.layers` is not",
    ),
    _KERAS2: (
        r"No module named 'keras\.(?:utils\.np_utils|wrappers|engine|layers\.\w+)",
        r"No module named 'tf_keras'",
        r"AttributeError: module '[\w.]*keras[\w.]*' has no attribute 'DenseFeatures'",
        r"(?:TypeError|ValueError): .*(?:Optimizer|Adam|SGD|RMSprop).*(?:'lr'|`lr`|'decay'|`decay`)",
        r"ValueError: .*(?:Invalid filepath extension for saving|filepath provided must end in)",
        r"AttributeError: .*(?:'_in_multi_worker_mode'|'on_train_batch_begin'|'save_weights')",
    ),
    _OF_ITS_TIME: (
        r"module 'numpy' has no attribute '(?:asscalar|bool|complex|float|int|long|object|str|unicode)'",
        r"'(?:DataFrame|Series)' object has no attribute '(?:append|iteritems|lookup|mad)'",
        r"TypeError: read_(?:csv|table)\(\) got an unexpected keyword argument",
        r"TypeError: [\w.]+\(\) got an unexpected keyword argument '(?:normalize|sparse|squared)'",
        r"sklearn\.\S*InvalidParameterError: .* Got '(?:deviance|log|ls|mse|squared_loss)'",
        r"cannot import name '(?:load_boston|plot_\w+)' from 'sklearn",
        r"object has no attribute 'get_feature_names'",
    ),
    _PYTHON2: (
        r"SyntaxError: Missing parentheses in call to 'print'|SyntaxError: invalid syntax.*print",
        r"TypeError: a bytes-like object is required, not 'str'",
        r"SyntaxError: (?:leading zeros in decimal integer|multiple exception types must be parenthesized)",
        r"No module named '(?:urllib2|ConfigParser|cPickle|StringIO|Queue)'",
        r"AttributeError: 'dict' object has no attribute '(?:has_key|iter(?:items|keys|values))'",
        r"NameError: name '(?:basestring|long|raw_input|reduce|unicode|xrange)' is not defined",
    ),
}
"""What a line of the log has, by what is to be said of it; the first that fits counts."""
_COMPILED = [(re.compile(sign), answer) for answer, signs in _SIGNS.items() for sign in signs]


def hint(log_tail: str, *, installs: bool = True) -> str:
    """Names what has what a trainer did not find: another runtime, a package; empty where none is known.

    Args:
        log_tail: The end of what the trainer printed, with its traceback.
        installs: Whether hptune installs what the trainer's project asks for.
    """
    lines = log_tail.splitlines()
    for line in reversed(lines):
        for sign, answer in _COMPILED:
            if sign.search(line):
                return answer
    # One that was caught before is not why the trainer failed.
    last_error = next((line for line in reversed(lines) if _ERROR.match(line)), "")
    module = missing_module(last_error)
    return advise(module, installs=installs) if module else ""
