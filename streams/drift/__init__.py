"""Drift: do a release's answers on the road still look like those on its own validation?"""
