"""Figures of updates: what they weigh, what verifying costs one device, and a fleet of them."""

from tests.bench.figures import tell
from tests.bench.ota_deltas import delta_figures
from tests.bench.ota_fleet import fleet_figures
from tests.bench.ota_verifying import verifying_figures

if __name__ == "__main__":
    tell("ota", delta_figures() | verifying_figures() | fleet_figures())
