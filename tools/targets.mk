# The one-command targets. Included by the Makefile after PGXS.
.PHONY: help unit lint fmt
