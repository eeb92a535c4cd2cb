"""The conformance tests of the Jupyter project, all of them, for the kernel of the name in GRADBOOK_KERNEL_NAME."""

import os
import unittest

import jupyter_kernel_test

NAME = os.environ["GRADBOOK_KERNEL_NAME"]


class GradbookTests(jupyter_kernel_test.KernelTests):
    kernel_name = NAME
    language_name = "typescript"
    file_extension = ".ts"
    code_hello_world = "console.log('hello, world')"
    code_stderr = "console.error('oh no')"
    completion_samples = [
        {"text": "Math.sqr", "matches": {"sqrt", "SQRT1_2", "SQRT2"}},
        {"text": "const n = Math.ma", "matches": {"max"}},
    ]
    complete_code_samples = ["1 + 1", "const f = (a: number) => a", "for (const i of [1]) {\n  i\n}"]
    incomplete_code_samples = ["function f() {", "[1, 2,", "`open", "/* open"]
    invalid_code_samples = ["const const = 1", "a b c", ")"]
    code_generate_error = "throw new Error('x')"
    code_execute_result = [
        {"code": "6 * 7", "result": "42"},
        {"code": "'a' + 'b'", "result": "'ab'"},
        {"code": "[1, 2, 3].map((i) => i * i)", "result": "[ 1, 4, 9 ]"},
    ]
    code_display_data = [
        {"code": "display(html('<b>x</b>'))", "mime": "text/html"},
        {"code": "display({ 'image/png': 'aGk=' }, { raw: true })", "mime": "image/png"},
        {"code": "display(markdown('*x*'))", "mime": "text/markdown"},
    ]
    code_inspect_sample = "Math.sqrt"
    code_clear_output = "clearOutput()"
    code_history_pattern = "6 [*]*"
    supported_history_operations = ("tail", "range", "search")


class GradbookWelcomeTests(jupyter_kernel_test.IopubWelcomeTests):
    kernel_name = NAME
    support_iopub_welcome = True


if __name__ == "__main__":
    unittest.main()
