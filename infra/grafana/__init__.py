"""Dashboards as JSON, over the tables of our migrations."""
