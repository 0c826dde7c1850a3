# SPDX-License-Identifier: Apache-2.0
"""`weft call`: functions of a component with WAVE and JSON values."""

from weft import WeftTest, app, main, weft


class CallTest(WeftTest):
    def test_a_function_that_is_not_there(self):
        self.assert_error(weft("call", app("values-callee"), "no:such/interface#function"), 3, "no:such/interface#function")

    def test_needs_a_function(self):
        self.assert_error(weft("call", app("values-callee")), 2, "FUNCTION")


if __name__ == "__main__":
    main()
