"""The gateway: ``python -m gateway``, or ``a3cp gateway``. ``--processes`` lets several processes share its port."""

from __future__ import annotations

from contracts.process.loading import loading

with loading():
    import argparse
    import sys

    from contracts.process.run import run_process
    from contracts.rules.errors import ConfigurationError

__all__ = ["main"]

MOST_PROCESSES = 64


def main(processes: int = 1) -> int:
    """Run the gateway with so many processes. Returns the exit code."""
    return run_process("gateway", lambda: _run(processes))


def _run(processes: int) -> int:
    if not 1 <= processes <= MOST_PROCESSES:
        raise ConfigurationError(f"--processes: 1 to {MOST_PROCESSES} are possible, not {processes}")
    if processes == 1:
        with loading():
            from gateway.process import run

        return run()
    with loading():
        from gateway.pool import run_pool  # it does not load the application: only its processes do

    return run_pool(processes)


def _arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m gateway", description=__doc__)
    parser.add_argument("--processes", type=int, default=1, help="the number of processes that share the port")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(_arguments(sys.argv[1:]).processes))
