"""The warm service: one background process for each user, which runs commands in forks of itself.

In: command lines that launchers hand over on a socket, with their streams. Out: what the command does, its exit code.
It knows no command: `cli` passes in the function that runs one. `handover` is all that a launcher imports; `server`
forks and looks after processes, `child` becomes the command, `lifecycle` and `starting` say when there is a service.
"""
