# SPDX-License-Identifier: Apache-2.0
# Checks that run as tests: layers, self-contained headers, format, clang-tidy.
