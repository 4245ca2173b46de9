"""The whole stack on one machine: brokers, processes, ports."""
