"""The previous release's processes beside the present ones, under the fault harness."""
