#!/bin/sh
# A check that passes when the server's port takes a connection. 0 is a pass, anything else a failure.
exec python3 -c 'import os, socket; socket.create_connection((os.environ["TENBIN_ADDRESS"], int(os.environ["TENBIN_PORT"])), 1)'
