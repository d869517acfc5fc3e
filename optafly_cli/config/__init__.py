"""One settings tree, one precedence: flags > OPTAFLY_* > project file > user file > defaults.

In: the working folder, the environment, TOML files. Out: `Settings`, frozen, every value with its origin.
It reads files and the environment and writes only what `optafly config set` asks for.
It may not import any stage.
"""
