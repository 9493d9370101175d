"""The Native Node: what its counters say, its versions, how to speak to it, where it runs."""
