"""A world that refuses: what AWS documents that it answers, played between the product and a local
AWS that allows everything."""
