"""The tools that stand as scripts beside this package: each module has a main()."""
