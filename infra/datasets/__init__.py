"""Datasets as something a person opens, compares, audits and takes along."""
