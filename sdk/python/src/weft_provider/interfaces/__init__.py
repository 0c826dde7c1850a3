# SPDX-License-Identifier: Apache-2.0
"""Interfaces that hosts of a 1.x lattice know, ready to be served or called: keyvalue, messaging, http."""
