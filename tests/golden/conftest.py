"""Prints the largest error of every kind at the end."""

from collections import defaultdict


def pytest_terminal_summary(terminalreporter):
    """One line a kind: how far outputs and gradients are from the stored numbers."""
    worst = defaultdict(lambda: defaultdict(float))
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, value in report.user_properties:
            if name.startswith("golden:"):
                _, kind, what = name.split(":")
                worst[kind][what] = max(worst[kind][what], value)
    if worst:
        terminalreporter.section("golden vectors: largest error, scaled by max(1, max|want|)")
    for kind, errors in sorted(worst.items()):
        shown = "  ".join(f"{what} {error:.1e}" for what, error in sorted(errors.items()))
        terminalreporter.write_line(f"{kind:32} {shown}")
