"""The command line: one module per subcommand; each parses arguments, calls a stage, renders the result.

In: argv, the three standard streams. Out: the result on stdout, everything else on stderr, an exit code.
`handler.run` is the only place that turns an error into output. No stage logic lives here.
"""
