"""List prices in US dollars, us-east-1, August 2026, that the figures are computed with."""

PRICES = {"logs_gb": 0.50, "invocations_million": 0.20, "gb_second": 0.0000166667}
