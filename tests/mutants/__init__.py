"""Mutation testing of the pure rules: what money and data depend on is changed on purpose, and a test has to notice.

``python -m tests.mutants`` (``make mutants``) changes one operator, number, condition or statement at a time, runs the
tests of that module in a forked process, and lists the changes that no test noticed. Those that change nothing that can be
noticed are in ``equivalent.txt``, each with its reason.
"""
